-- Cancels what of an event still waits, redeliveries too, and takes from its attempts what may repeat its content.
-- event_id uuid, after_id uuid (deliveries behind it), batch int, why text (what jobs say of it)
-- Of an attempt all that was measured stays; the body that was sent, the answer and what was said of either go.
WITH chosen AS (
    SELECT id FROM hookpost_delivery
    WHERE event_id = %(event_id)s::uuid AND id > %(after_id)s::uuid
      AND id >= (substr(%(event_id)s::text, 1, 13) || '-0000-0000-000000000000')::uuid  -- none is older than its event
    ORDER BY id
    LIMIT %(batch)s::int
), gone AS (
    DELETE FROM hookpost_due_delivery q USING chosen
    WHERE q.delivery_id = chosen.id
    RETURNING q.delivery_id, q.manual, q.job_id
), ended AS (
    UPDATE hookpost_delivery d
    SET state = 'cancelled', error = 'event_erased', next_attempt_at = NULL, finished_at = now()
    FROM gone
    WHERE d.id = gone.delivery_id AND NOT gone.manual AND d.state IN ('pending', 'held')
    RETURNING d.id
), {lost_to_jobs}, attempts AS (
    UPDATE hookpost_attempt a
    SET request_headers = split_part(a.request_headers, E'\n\n', 1), response_headers = '', response_body = '',
        truncated = false, detail = ''
    FROM chosen
    WHERE a.delivery_id = chosen.id AND a.id >= (substr(%(event_id)s::text, 1, 13) || '-0000-0000-000000000000')::uuid
    RETURNING a.id
)
SELECT (SELECT id FROM chosen ORDER BY id DESC LIMIT 1) AS last_id, (SELECT count(*)::int FROM ended) AS cancelled,
    (SELECT array_agg(id) FROM attempts) AS attempt_ids
