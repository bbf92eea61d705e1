-- How long the oldest delivery has been due of a customer's enabled endpoints, and whether it has more of them than were looked at.
-- customer_id uuid, endpoints int (how many to look at)
-- One index probe for each endpoint, and one for each rank in which something waits there, so that a page costs the same on the day when everything waits.
WITH RECURSIVE looked_at AS MATERIALIZED (
    SELECT id FROM hookpost_endpoint
    WHERE customer_id = %(customer_id)s::uuid AND deleted_at IS NULL AND state = 'enabled'
    ORDER BY id LIMIT %(endpoints)s::int
), oldest (endpoint_id, rank, due_at) AS (
    SELECT e.id, q.rank, q.due_at
    FROM looked_at e
    CROSS JOIN LATERAL (
        SELECT rank, due_at FROM hookpost_due_delivery
        WHERE endpoint_id = e.id ORDER BY rank, due_at LIMIT 1
    ) q
    UNION ALL
    SELECT o.endpoint_id, q.rank, q.due_at
    FROM oldest o
    CROSS JOIN LATERAL (
        SELECT rank, due_at FROM hookpost_due_delivery
        WHERE endpoint_id = o.endpoint_id AND rank > o.rank ORDER BY rank, due_at LIMIT 1
    ) q
)
SELECT coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())), 0)::float8 AS seconds,
    (SELECT count(*) FROM looked_at) >= %(endpoints)s::int AS is_cut
FROM oldest
