-- Marks what is due of paused and disabled endpoints as held.
-- limit int
-- In bounded steps, so that pausing an endpoint with a million due answers at once and harms nobody; rows that somebody keeps locked are left for another step. Row by row, whatever the statistics say. What is for later stays so until its time has come: released, it would be sent before.
WITH picked AS (
    SELECT q.delivery_id
    FROM ({not_enabled}) e
    CROSS JOIN ({held_ranks}) r
    CROSS JOIN LATERAL (
        SELECT delivery_id FROM hookpost_due_delivery
        WHERE endpoint_id = e.id AND rank = r.rank AND due_at <= r.due_until AND manual IS NOT TRUE
        FOR UPDATE SKIP LOCKED
    ) q
    CROSS JOIN LATERAL (
        SELECT FROM hookpost_delivery d
        WHERE d.id = q.delivery_id AND d.endpoint_id = e.id AND d.customer_id = e.customer_id
        FOR UPDATE SKIP LOCKED
    ) d
    LIMIT %(limit)s::int
), moved AS (
    UPDATE hookpost_due_delivery q SET due_at = NULL, rank = least(q.rank, 2)
    WHERE q.delivery_id = ANY(ARRAY(SELECT delivery_id FROM picked)) AND q.manual IS NOT TRUE
)
UPDATE hookpost_delivery d SET state = 'held', next_attempt_at = NULL
FROM picked WHERE d.id = picked.delivery_id AND d.state = 'pending'
RETURNING d.id
