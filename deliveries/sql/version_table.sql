-- Released versions, the oldest first, with the mappings of each type that changes; one row without a name where nothing changed.
-- known text (the stamp that was read last, or none)
-- Asked each second where versions are in use: the mappings, which may be many, are read when something changed only.
WITH now_known AS (
    SELECT concat_ws(
        ' ',
        (SELECT count(*) || ' ' || coalesce(max(updated_at)::text, '') FROM hookpost_api_version),
        (SELECT count(*) || ' ' || coalesce(max(updated_at)::text, '') FROM hookpost_version_change)
    ) AS stamp
)
SELECT k.stamp, v.name, c.event_type, c.down, c.up
FROM now_known k
LEFT JOIN hookpost_api_version v ON v.released_at IS NOT NULL AND k.stamp <> %(known)s::text
LEFT JOIN hookpost_version_change c ON c.version_id = v.id
ORDER BY v.id, c.event_type
