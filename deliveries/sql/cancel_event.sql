-- Cancels a bounded number of an event's deliveries that were never sent, and ends its fan-out.
-- event_id uuid, from_id uuid, until_id uuid (between which ids its deliveries are looked for), batch int
-- One statement, so that nothing leaves the queue without its end being written; what was tried goes on by its schedule.
WITH fan_out_ended AS (
    DELETE FROM hookpost_fan_out WHERE event_id = %(event_id)s::uuid
), chosen AS (
    SELECT d.id FROM hookpost_delivery d
    WHERE d.id >= %(from_id)s::uuid AND d.id < %(until_id)s::uuid AND d.event_id = %(event_id)s::uuid
      AND d.attempts = 0 AND d.state IN ('pending', 'held')
    ORDER BY d.id
    LIMIT %(batch)s::int
), gone AS (
    DELETE FROM hookpost_due_delivery q USING chosen
    WHERE q.delivery_id = chosen.id AND NOT q.manual
    RETURNING q.delivery_id
), ended AS (
    UPDATE hookpost_delivery d
    SET state = 'cancelled', next_attempt_at = NULL, finished_at = now()
    FROM gone
    WHERE d.id = gone.delivery_id AND d.id >= %(from_id)s::uuid AND d.id < %(until_id)s::uuid
)
SELECT count(*)::int AS cancelled FROM gone
