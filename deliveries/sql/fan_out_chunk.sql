-- Makes the deliveries of an event for the next endpoints of its fan-out, and moves on or ends it.
-- event_id uuid, after_id uuid or null (where it stood), upto_id uuid (where it will stand), is_last bool, endpoint_ids uuid[], type_keys text[], matched uuid[] (wanted by their filters), unjudged uuid[] (whose filters could not tell), filter_ms int, wait_seconds float
-- Only whoever moves the place inserts, and a delivery's id follows from event and endpoint: a chunk that comes twice makes nothing twice. parts/delivery_id.sql says how. No wait for the disk, which accepted events wait for: what a crash of the server undoes is undone with the place, and is made again.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), moved AS (
    UPDATE hookpost_fan_out
    SET after_id = %(upto_id)s::uuid, filter_ms = filter_ms + %(filter_ms)s::int,
        lease_until = CASE WHEN %(wait_seconds)s::float8 > 0 THEN now() + make_interval(secs => %(wait_seconds)s::float8) END
    WHERE event_id = %(event_id)s::uuid AND after_id IS NOT DISTINCT FROM %(after_id)s::uuid AND NOT %(is_last)s::bool
    RETURNING event_id
), ended AS (
    DELETE FROM hookpost_fan_out
    WHERE event_id = %(event_id)s::uuid AND after_id IS NOT DISTINCT FROM %(after_id)s::uuid AND %(is_last)s::bool
    RETURNING event_id
), matched AS (
    SELECT
        v.id AS event_id, v.type, v.created_at, v.deliver_at, e.customer_id, e.id AS endpoint_id,
        CASE
            WHEN e.filter <> '' AND e.id = ANY(%(unjudged)s::uuid[]) THEN 'cancelled'
            WHEN v.deliver_at > now() THEN 'pending'  -- it is held when its time has come
            WHEN {is_held} THEN 'held'
            ELSE 'pending'
        END AS state,
        {delivery_id} AS delivery_id
    FROM (SELECT event_id FROM moved UNION ALL SELECT event_id FROM ended) i
    CROSS JOIN quick
    CROSS JOIN LATERAL (
        SELECT * FROM hookpost_event WHERE id BETWEEN i.event_id AND i.event_id ORDER BY id LIMIT 1
    ) v
    JOIN hookpost_endpoint e ON e.id = ANY(%(endpoint_ids)s::uuid[]) AND (e.deleted_at IS NULL) IS TRUE
    WHERE CASE
        WHEN cardinality(e.event_types) > 0 OR starts_with(v.type, 'hookpost.')
            THEN e.event_types && %(type_keys)s::text[]::varchar[]
        ELSE true
      END
      AND (e.tags IS NULL OR e.tags && v.tags OR starts_with(v.type, 'hookpost.'))
      AND (e.filter = '' OR e.id = ANY(%(matched)s::uuid[]) OR e.id = ANY(%(unjudged)s::uuid[]))
), made AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at,
        finished_at
    )
    SELECT
        delivery_id, event_id, endpoint_id, customer_id, type, state, 0, CASE WHEN state = 'cancelled' THEN 'filter_failed' ELSE '' END,
        created_at, CASE WHEN state = 'pending' THEN greatest(deliver_at, now()) END, CASE WHEN state = 'cancelled' THEN now() END
    FROM matched
    ON CONFLICT DO NOTHING
    RETURNING id, event_id, endpoint_id, state, next_attempt_at
), queued AS (
    INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
    SELECT id, false, endpoint_id, event_id, 1, 0, next_attempt_at, ''
    FROM made WHERE state <> 'cancelled'
)
SELECT m.endpoint_id, l.slow
FROM made m CROSS JOIN LATERAL (SELECT slow FROM hookpost_lane WHERE endpoint_id = m.endpoint_id OFFSET 0) l
WHERE m.state = 'pending' AND m.next_attempt_at <= now()
