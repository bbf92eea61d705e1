-- Finds how the data of events of these types is checked: the operator's types, and those customers' own that check; which versions there are, and with which these types change.
-- names text[]
-- Without the schemas, which are read when they are new. Released versions, oldest first, have no type's name. All in one, because it is asked each second.
SELECT
    t.name, t.customer_id, t.id, t.xmin::text || t.ctid::text AS version,
    CASE WHEN t.schema IS NULL AND t.customer_id IS NOT NULL THEN 'off' ELSE t.validation END AS validation,
    NULL AS api_version
FROM hookpost_event_type t
WHERE t.name = ANY (%(names)s::text[])
  AND NOT t.archived
  AND (t.customer_id IS NULL OR (t.validation <> 'off' AND t.schema IS NOT NULL))
UNION ALL
SELECT '', NULL, v.id, '', '', v.name FROM hookpost_api_version v WHERE v.released_at IS NOT NULL
UNION ALL
SELECT c.event_type, NULL, c.id, c.xmin::text || c.ctid::text, '', v.name
FROM hookpost_version_change c JOIN hookpost_api_version v ON v.id = c.version_id
WHERE c.event_type = ANY (%(names)s::text[]) AND v.released_at IS NOT NULL
ORDER BY id
