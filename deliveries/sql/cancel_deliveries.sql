-- Cancels those of these deliveries whose schedule still has something to send.
-- delivery_ids uuid[]
-- One statement, so that nothing leaves the queue without its end being written. A redelivery that was asked for beside the schedule stays.
WITH chosen AS (
    SELECT delivery_id FROM hookpost_due_delivery
    WHERE delivery_id = ANY(%(delivery_ids)s::uuid[]) AND manual IS NOT TRUE
    ORDER BY delivery_id
    FOR UPDATE
), gone AS (
    DELETE FROM hookpost_due_delivery q
    WHERE q.delivery_id = ANY(ARRAY(SELECT delivery_id FROM chosen)) AND q.manual IS NOT TRUE
    RETURNING q.delivery_id
), ended AS (
    UPDATE hookpost_delivery d
    SET state = 'cancelled', next_attempt_at = NULL, finished_at = now()
    FROM gone
    WHERE d.id = gone.delivery_id AND d.state IN ('pending', 'held')
)
SELECT count(*)::int AS cancelled FROM gone
