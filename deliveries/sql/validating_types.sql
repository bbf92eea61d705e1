-- Finds how the data of events of these types is checked: the operator's types, and those customers' own that check.
-- names text[]
-- Without the schemas, which are read when they are new.
SELECT
    t.name, t.customer_id, t.id, t.xmin::text || t.ctid::text AS version,
    CASE WHEN t.schema IS NULL THEN 'off' ELSE t.validation END AS validation
FROM hookpost_event_type t
WHERE t.name = ANY (%(names)s::text[])
  AND NOT t.archived
  AND (t.customer_id IS NULL OR (t.validation <> 'off' AND t.schema IS NOT NULL))
