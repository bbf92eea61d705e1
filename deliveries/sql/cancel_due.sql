-- Takes a bounded number of waiting deliveries out of the queue and cancels them; to their jobs they count as failed.
-- endpoint_id uuid or null, job_id uuid or null, backlog_only bool (leave redeliveries and what is of events for later), why text (what their jobs say of it), batch int
-- One statement, so that no delivery leaves the queue without its end being written; callers repeat it until it finds none. The next ones are found in any order, for millions would be sorted each time, and locked in the order of all; what somebody else took out meanwhile was found and is not taken.
WITH found AS MATERIALIZED (
    SELECT delivery_id, manual FROM hookpost_due_delivery
    WHERE (endpoint_id = %(endpoint_id)s::uuid OR job_id = %(job_id)s::uuid)
      AND NOT (%(backlog_only)s::bool AND (manual OR rank = 1 AND coalesce(due_at > now(), false)))
    LIMIT %(batch)s::int
), chosen AS MATERIALIZED (
    SELECT q.delivery_id, q.manual
    FROM (SELECT delivery_id, manual FROM found ORDER BY delivery_id, manual) f
    CROSS JOIN LATERAL (
        SELECT delivery_id, manual FROM hookpost_due_delivery
        WHERE delivery_id = f.delivery_id AND manual = f.manual
        FOR UPDATE
    ) q
), gone AS (
    DELETE FROM hookpost_due_delivery q
    WHERE q.delivery_id = ANY(ARRAY(SELECT delivery_id FROM chosen))
      AND CASE WHEN q.manual THEN q.delivery_id = ANY(ARRAY(SELECT delivery_id FROM chosen WHERE manual))
          ELSE q.delivery_id = ANY(ARRAY(SELECT delivery_id FROM chosen WHERE NOT manual)) END
    RETURNING q.delivery_id, q.event_id, q.manual, q.job_id
), ended AS (
    UPDATE hookpost_delivery d
    SET state = 'cancelled', next_attempt_at = NULL, finished_at = now()
    FROM gone
    WHERE d.id = gone.delivery_id AND NOT gone.manual AND d.state IN ('pending', 'held')
), {lost_to_jobs}
SELECT (SELECT count(*)::int FROM found) AS found, count(*)::int AS taken, coalesce(array_agg(delivery_id), '{}') AS delivery_ids,
    coalesce(array_agg(event_id), '{}') AS event_ids
FROM gone
