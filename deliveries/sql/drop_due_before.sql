-- Removes what is still due or held of events of days that are about to be dropped, and counts it.
-- bound uuid (smallest id that stays)
-- By the event, without which nothing can be sent: the delivery of a replay is younger, stays in the log and is cancelled.
WITH gone AS (
    DELETE FROM hookpost_due_delivery WHERE event_id < %(bound)s::uuid OR delivery_id < %(bound)s::uuid
    RETURNING delivery_id, manual, due_at
), cancelled AS (
    UPDATE hookpost_delivery d
    SET state = 'cancelled', next_attempt_at = NULL, finished_at = now()
    FROM gone g
    WHERE d.id = g.delivery_id AND d.id >= %(bound)s::uuid AND d.state IN ('pending', 'held') AND NOT g.manual
)
SELECT count(due_at)::int AS due, (count(*) - count(due_at))::int AS held FROM gone
