-- Makes the deliveries that an endpoint never had of these events, and queues them after all live traffic.
-- event_ids uuid[] (their types match), endpoint_id uuid, job_id uuid
-- A delivery's id follows from event and endpoint, so that a chunk that runs twice makes nothing twice; same formula as accept_events.
WITH wanted AS (
    SELECT v.id AS event_id, v.type, v.customer_id, e.id AS endpoint_id, e.state <> 'enabled' AS held,
        md5(v.id::text || e.id::text) AS h
    FROM unnest(%(event_ids)s::uuid[]) AS i (id)
    JOIN hookpost_event v ON v.id = i.id
    JOIN hookpost_endpoint e ON e.id = %(endpoint_id)s::uuid AND e.deleted_at IS NULL
        AND e.customer_id = v.customer_id
        AND (cardinality(e.event_types) > 0 OR NOT starts_with(v.type, 'hookpost.'))
    WHERE CASE WHEN e.filter = '' THEN true
        ELSE coalesce(convert_from(v.body, 'UTF8')::jsonb @@ e.filter::jsonpath, false) END
), made AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT
        (substr(event_id::text, 1, 13) || '-7' || substr(h, 1, 3) || '-a' || substr(h, 4, 3) || '-'
            || substr(h, 7, 12))::uuid,
        event_id, endpoint_id, customer_id, type, CASE WHEN held THEN 'held' ELSE 'pending' END, 0, '',
        now(), CASE WHEN held THEN NULL ELSE now() END
    FROM wanted
    ON CONFLICT DO NOTHING
    RETURNING id, event_id, endpoint_id, state
), queued AS (
    INSERT INTO hookpost_due_delivery (
        delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor, job_id
    )
    SELECT id, false, endpoint_id, event_id, CASE WHEN state = 'held' THEN 2 ELSE 3 END, 0,
        CASE WHEN state = 'held' THEN NULL ELSE now() END, '', %(job_id)s::uuid
    FROM made
)
SELECT m.endpoint_id, l.slow, count(*)::int AS queued
FROM made m JOIN hookpost_lane l ON l.endpoint_id = m.endpoint_id
GROUP BY 1, 2
