-- Queues one attempt for each of these deliveries beside their schedules, after all live traffic.
-- delivery_ids uuid[], actor text, reason text, job_id uuid
-- What is about to be sent anyway, or waits for a redelivery already, is left out: the primary key makes a chunk that runs twice queue once.
WITH queued AS (
    INSERT INTO hookpost_due_delivery (
        delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor, reason, job_id
    )
    SELECT d.id, true, d.endpoint_id, d.event_id, 3, 0, now(), %(actor)s::text, %(reason)s::text, %(job_id)s::uuid
    FROM unnest(%(delivery_ids)s::uuid[]) AS wanted (id)
    JOIN hookpost_delivery d ON d.id = wanted.id
    JOIN hookpost_endpoint e ON e.id = d.endpoint_id AND e.deleted_at IS NULL
    JOIN hookpost_event v ON v.id = d.event_id AND v.erased_at IS NULL
    WHERE NOT EXISTS (
        SELECT FROM hookpost_due_delivery q WHERE q.delivery_id = d.id AND NOT q.manual AND q.due_at <= now()
    )
    ON CONFLICT DO NOTHING
    RETURNING endpoint_id
)
SELECT q.endpoint_id, l.slow, count(*)::int AS queued
FROM queued q JOIN hookpost_lane l ON l.endpoint_id = q.endpoint_id
GROUP BY 1, 2
