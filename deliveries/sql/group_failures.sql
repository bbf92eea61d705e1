-- Adds the failures of a stretch of attempts to the groups of their endpoints: endpoint, error and status.
-- after uuid, through uuid (the last one of the stretch), quiet_seconds float (a group that was silent for longer begins anew)
-- Reads the stretch by its ids. A delivery counts when it begins to fail like this: of a retry the attempt before is looked up, which is mostly the newest but one of its delivery.
WITH failed AS MATERIALIZED (
    SELECT a.id, a.delivery_id, a.endpoint_id, a.error, coalesce(a.status_code, 0)::smallint AS status_code,
        a.started_at, a.number
    FROM hookpost_attempt a
    WHERE a.id > %(after)s::uuid AND a.id <= %(through)s::uuid AND a.error <> ''
), counted AS (
    SELECT f.endpoint_id, f.error, f.status_code, count(*)::int AS attempts,
        (count(*) FILTER (
            WHERE f.error IS DISTINCT FROM p.error OR f.status_code IS DISTINCT FROM p.status_code
        ))::int AS deliveries,
        min(f.started_at) AS first_at, max(f.started_at) AS last_at,
        (array_agg(f.delivery_id ORDER BY f.delivery_id))[1] AS oldest_id,
        (array_agg(f.delivery_id ORDER BY f.id DESC))[1] AS example_id
    FROM failed f
    LEFT JOIN LATERAL (
        SELECT b.error, coalesce(b.status_code, 0)::smallint AS status_code
        FROM hookpost_attempt b
        WHERE f.number IS DISTINCT FROM 1 AND b.delivery_id = f.delivery_id AND b.id < f.id AND b.id > f.delivery_id
        ORDER BY b.id DESC LIMIT 1
    ) p ON true
    GROUP BY 1, 2, 3
)
INSERT INTO hookpost_failure_group AS g (
    id, endpoint_id, customer_id, error, status_code, first_at, last_at, deliveries, attempts, oldest_id, example_id
)
SELECT
    (lpad(to_hex(floor(extract(epoch FROM c.first_at) * 1000)::bigint), 12, '0') || '7' || left(h.digest, 3)
        || 'a' || substr(h.digest, 4, 15))::uuid,
    c.endpoint_id, e.customer_id, c.error, c.status_code, c.first_at, c.last_at, c.deliveries, c.attempts,
    c.oldest_id, c.example_id
FROM counted c
JOIN hookpost_endpoint e ON e.id = c.endpoint_id
CROSS JOIN LATERAL (SELECT md5(c.endpoint_id::text || c.error || c.status_code) AS digest) h
ORDER BY c.endpoint_id, c.error, c.status_code
ON CONFLICT (endpoint_id, error, status_code) DO UPDATE
SET (first_at, deliveries, attempts, oldest_id, acknowledged_at, acknowledged_by, reason) = (
        SELECT
            CASE WHEN anew THEN excluded.first_at ELSE least(g.first_at, excluded.first_at) END,
            CASE WHEN anew THEN 0 ELSE g.deliveries END + excluded.deliveries,
            CASE WHEN anew THEN 0 ELSE g.attempts END + excluded.attempts,
            CASE WHEN anew THEN excluded.oldest_id ELSE least(g.oldest_id, excluded.oldest_id) END,
            CASE WHEN anew THEN NULL ELSE g.acknowledged_at END,
            CASE WHEN anew THEN '' ELSE g.acknowledged_by END,
            CASE WHEN anew THEN '' ELSE g.reason END
        FROM (SELECT excluded.first_at > g.last_at + make_interval(secs => %(quiet_seconds)s::float8) AS anew) s
    ),
    last_at = greatest(g.last_at, excluded.last_at),
    example_id = excluded.example_id
