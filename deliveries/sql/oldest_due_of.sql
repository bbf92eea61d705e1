-- How long the oldest delivery has been due of a customer's enabled endpoints, and whether it has more of them than were looked at.
-- customer_id uuid, endpoints int (how many to look at)
-- One index probe for each endpoint and rank, so that a page costs the same on the day when everything waits.
WITH looked_at AS MATERIALIZED (
    SELECT id FROM hookpost_endpoint
    WHERE customer_id = %(customer_id)s::uuid AND deleted_at IS NULL AND state = 'enabled'
    ORDER BY id LIMIT %(endpoints)s::int
)
SELECT coalesce(extract(epoch FROM now() - min(q.due_at)), 0)::float8 AS seconds,
    (SELECT count(*) FROM looked_at) >= %(endpoints)s::int AS is_cut
FROM looked_at e
CROSS JOIN (VALUES (0), (1), (2), (3)) AS ranks (rank)
CROSS JOIN LATERAL (
    SELECT due_at FROM hookpost_due_delivery
    WHERE endpoint_id = e.id AND rank = ranks.rank AND due_at <= now()
    ORDER BY due_at LIMIT 1
) q
