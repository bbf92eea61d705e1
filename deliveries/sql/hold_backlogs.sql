-- Marks what is due of paused and disabled endpoints as held.
-- limit int
-- In bounded steps, so that pausing an endpoint with a million due answers at once and harms nobody; rows that somebody keeps locked are left for another step.
WITH picked AS (
    SELECT q.delivery_id
    FROM hookpost_endpoint e
    JOIN hookpost_due_delivery q ON q.endpoint_id = e.id AND q.rank IN (1, 2, 3) AND q.due_at IS NOT NULL
    JOIN hookpost_delivery d ON d.id = q.delivery_id
    WHERE e.state <> 'enabled' AND e.deleted_at IS NULL AND NOT q.manual
    LIMIT %(limit)s::int
    FOR UPDATE OF q, d SKIP LOCKED
), moved AS (
    UPDATE hookpost_due_delivery q SET due_at = NULL, rank = least(q.rank, 2)
    FROM picked WHERE q.delivery_id = picked.delivery_id AND NOT q.manual
)
UPDATE hookpost_delivery d SET state = 'held', next_attempt_at = NULL
FROM picked WHERE d.id = picked.delivery_id AND d.state = 'pending'
RETURNING d.id
