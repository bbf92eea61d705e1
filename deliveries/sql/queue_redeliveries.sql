-- Queues one attempt for each of these deliveries beside their schedules, after all live traffic.
-- delivery_ids uuid[], actor text, reason text, job_id uuid
-- What is about to be sent anyway, waits for a redelivery already, or is of an event for later, is left out: the primary key makes a chunk that runs twice queue once.
WITH queued AS (
    INSERT INTO hookpost_due_delivery (
        delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor, reason, job_id
    )
    SELECT d.id, true, d.endpoint_id, d.event_id, 3, 0, now(), %(actor)s::text, %(reason)s::text, %(job_id)s::uuid
    FROM unnest(%(delivery_ids)s::uuid[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT id, endpoint_id, customer_id, event_id FROM hookpost_delivery
        WHERE id BETWEEN wanted.id AND wanted.id ORDER BY id LIMIT 1
    ) d
    CROSS JOIN LATERAL (
        SELECT FROM hookpost_endpoint
        WHERE id = d.endpoint_id AND customer_id = d.customer_id AND deleted_at IS NULL OFFSET 0
    ) e
    CROSS JOIN LATERAL (
        SELECT FROM hookpost_event
        WHERE id BETWEEN d.event_id AND d.event_id AND erased_at IS NULL ORDER BY id LIMIT 1
    ) v
    WHERE NOT EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.delivery_id = d.id
          AND CASE WHEN NOT q.manual THEN q.due_at <= now() OR q.rank = 1 AND q.due_at IS NOT NULL END
        OFFSET 0
    )
    ON CONFLICT DO NOTHING
    RETURNING endpoint_id
)
SELECT q.endpoint_id, l.slow, count(*)::int AS queued
FROM queued q CROSS JOIN LATERAL (SELECT slow FROM hookpost_lane WHERE endpoint_id = q.endpoint_id OFFSET 0) l
GROUP BY 1, 2
