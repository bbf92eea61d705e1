-- Takes a bounded number of waiting deliveries out of the queue and cancels them.
-- endpoint_id uuid or null, job_id uuid or null, scheduled_only bool (leave redeliveries), batch int
-- One statement, so that no delivery leaves the queue without its end being written; callers repeat it until it returns 0.
WITH gone AS (
    DELETE FROM hookpost_due_delivery q
    USING (
        SELECT delivery_id, manual FROM hookpost_due_delivery
        WHERE (endpoint_id = %(endpoint_id)s::uuid OR job_id = %(job_id)s::uuid)
          AND NOT (%(scheduled_only)s::bool AND manual)
        ORDER BY delivery_id, manual
        LIMIT %(batch)s::int
        FOR UPDATE
    ) chosen
    WHERE q.delivery_id = chosen.delivery_id AND q.manual = chosen.manual
    RETURNING q.delivery_id, q.manual
), ended AS (
    UPDATE hookpost_delivery d
    SET state = 'cancelled', next_attempt_at = NULL, finished_at = now()
    FROM gone
    WHERE d.id = gone.delivery_id AND NOT gone.manual AND d.state IN ('pending', 'held')
)
SELECT count(*)::int AS taken FROM gone
