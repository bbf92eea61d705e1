-- Which of these endpoints have something that a poller could take now.
-- endpoint_ids uuid[]
-- Asked for all that wait in a process at once, a few times a second. What is out is still due: at most 100 rows of an endpoint are passed over.
SELECT e.id AS endpoint_id
FROM unnest(%(endpoint_ids)s::uuid[]) AS i (id)
JOIN hookpost_endpoint e ON e.id = i.id AND (e.deleted_at IS NULL) IS TRUE
JOIN hookpost_lane l ON l.endpoint_id = e.id
WHERE EXISTS (
    SELECT FROM hookpost_due_delivery q
    WHERE q.endpoint_id = e.id AND q.due_at <= now() AND q.rank = ANY(
        CASE WHEN e.state = 'enabled' AND (l.rest_until IS NULL OR l.rest_until <= now())
            THEN '{0,1,2,3}' ELSE '{0}' END::smallint[])
      AND NOT EXISTS (SELECT FROM hookpost_poll_lease p WHERE p.delivery_id = q.delivery_id)
) AND (SELECT count(*) FROM hookpost_poll_lease p WHERE p.endpoint_id = e.id)
    < CASE WHEN e.ordered THEN 1 ELSE e.max_in_flight END
