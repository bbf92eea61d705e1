-- Proves that the worker of these lanes lives; for lanes whose slice is over also how their endpoints are configured now.
-- worker_id uuid (who leased them), endpoint_ids uuid[], fences bigint[], lease_seconds float, configured bool
-- Fence and worker are checked, so that a worker frozen past its lease cannot take a lane back. A lease that a crash of the server undid is made again where nobody has leased the lane since, or that was this worker's too: what is in flight would be sent twice.
WITH kept AS (
    UPDATE hookpost_lane l
    SET lease_until = now() + make_interval(secs => %(lease_seconds)s::float8),
        fence = i.fence,
        worker_id = %(worker_id)s::uuid
    FROM unnest(%(endpoint_ids)s::uuid[], %(fences)s::bigint[]) AS i (endpoint_id, fence)
    WHERE l.endpoint_id = i.endpoint_id AND (
        l.fence = i.fence AND l.worker_id = %(worker_id)s::uuid AND l.lease_until IS NOT NULL
        OR l.fence < i.fence AND (l.lease_until IS NULL OR l.worker_id = %(worker_id)s::uuid)
    )
    RETURNING l.endpoint_id
)
SELECT
    k.endpoint_id, e.url, CASE WHEN e.deleted_at IS NULL AND c.moving = '' THEN e.state ELSE 'disabled' END AS state, {sending_columns}
FROM kept k
LEFT JOIN hookpost_endpoint e ON e.id = k.endpoint_id AND %(configured)s::bool
LEFT JOIN hookpost_customer c ON c.id = e.customer_id
LEFT JOIN LATERAL ({valid_secrets}) secrets ON true
