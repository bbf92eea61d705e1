-- Of which endpoints the next deliveries of a customer are, in the order of the log.
-- customer_id uuid, after uuid, "limit" int
WITH looked_at AS MATERIALIZED (
    SELECT id, endpoint_id FROM hookpost_delivery
    WHERE customer_id = %(customer_id)s::uuid AND id > %(after)s::uuid ORDER BY id LIMIT %(limit)s::int
)
SELECT (SELECT id FROM looked_at ORDER BY id DESC LIMIT 1) AS last_id, array_agg(DISTINCT endpoint_id) AS endpoint_ids
FROM looked_at
