-- Which of these events an endpoint matches now and was never sent: it has no delivery of them, or one that was cancelled before its first attempt.
-- event_ids uuid[] (their types match), endpoint_id uuid, doubtful bool (whether to evaluate what is in doubt too), mapped uuid[] (filters look at something else than their bodies: not evaluated here)
-- What was sent is left out first, because a filter is dear. A number that PostgreSQL cannot hold ends the statement, so an event is in doubt that holds one outside of its texts which may be too long, and is named without being looked at. No delivery is older than its event: earlier partitions are not read.
WITH unsent AS MATERIALIZED (
    SELECT v.id, v.body, e.filter
    FROM unnest(%(event_ids)s::uuid[]) AS i (id)
    JOIN hookpost_event v ON v.id = i.id AND v.erased_at IS NULL AND coalesce(v.deliver_at, now()) <= now()
    JOIN hookpost_endpoint e ON e.id = %(endpoint_id)s::uuid AND e.deleted_at IS NULL
        AND v.customer_id IN (e.customer_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')  -- models.log.EVERYONES
        AND (cardinality(e.event_types) > 0 OR NOT starts_with(v.type, 'hookpost.'))
        AND (e.tags IS NULL OR e.tags && v.tags OR starts_with(v.type, 'hookpost.'))
    WHERE NOT EXISTS (SELECT FROM hookpost_fan_out f WHERE f.event_id = v.id)  -- it may still be sent there
      AND NOT EXISTS (
        SELECT FROM hookpost_delivery d
        WHERE d.event_id = v.id AND d.endpoint_id = e.id
          AND d.id >= (substr(v.id::text, 1, 13) || '-0000-0000-000000000000')::uuid
          AND NOT (d.state = 'cancelled' AND d.attempts = 0)
    )
)
SELECT id, doubtful FROM (
    SELECT id, body, filter, NOT %(doubtful)s::bool AND filter <> '' AND id <> ALL(%(mapped)s::uuid[])
        AND convert_from(body, 'UTF8') ~ '[0-9.][eE][+-]?[0-9]{4}|[0-9]{255}'
        AND regexp_replace(convert_from(body, 'UTF8'), '"(\\.|[^"\\])*"', '""', 'g')
            ~ '[0-9.][eE][+-]?[0-9]{4}|[0-9]{255}' AS doubtful
    FROM unsent
) AS looked_at
WHERE CASE
    WHEN doubtful OR filter = '' OR id = ANY(%(mapped)s::uuid[]) THEN true
    ELSE coalesce(convert_from(body, 'UTF8')::jsonb @@ filter::jsonpath, false)
END
ORDER BY id
