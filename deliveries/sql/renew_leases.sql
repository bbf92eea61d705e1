-- Proves that the worker of these lanes lives; for lanes whose slice is over also how their endpoints are configured now.
-- endpoint_ids uuid[], fences bigint[], lease_seconds float, configured bool
-- The fence is checked, so that a worker frozen past its lease cannot take a lane back.
WITH kept AS (
    UPDATE hookpost_lane l
    SET lease_until = now() + make_interval(secs => %(lease_seconds)s::float8)
    FROM unnest(%(endpoint_ids)s::uuid[], %(fences)s::bigint[]) AS i (endpoint_id, fence)
    WHERE l.endpoint_id = i.endpoint_id AND l.fence = i.fence AND l.lease_until IS NOT NULL
    RETURNING l.endpoint_id
)
SELECT
    k.endpoint_id, e.url, CASE WHEN e.deleted_at IS NULL AND c.moving = '' THEN e.state ELSE 'disabled' END AS state, {sending_columns}
FROM kept k
LEFT JOIN hookpost_endpoint e ON e.id = k.endpoint_id AND %(configured)s::bool
LEFT JOIN hookpost_customer c ON c.id = e.customer_id
LEFT JOIN LATERAL ({valid_secrets}) secrets ON true
