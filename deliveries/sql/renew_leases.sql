-- Proves that the worker of these lanes lives.
-- endpoint_ids uuid[], fences bigint[], lease_seconds float
-- The fence is checked, so that a worker frozen past its lease cannot take a lane back.
UPDATE hookpost_lane l
SET lease_until = now() + make_interval(secs => %(lease_seconds)s::float8)
FROM unnest(%(endpoint_ids)s::uuid[], %(fences)s::bigint[]) AS i (endpoint_id, fence)
WHERE l.endpoint_id = i.endpoint_id AND l.fence = i.fence AND l.lease_until IS NOT NULL
RETURNING l.endpoint_id
