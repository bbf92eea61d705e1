-- Leases free lanes and returns all that a turn needs to know of them: configuration, secrets, health.
-- endpoint_ids uuid[], lease_seconds float, slow bool, alone bool (may take a lane whose last worker was lost)
-- One round trip per turn; SKIP LOCKED, because another worker that leases the same lane has it then. Fresh each time: no cache.
WITH free AS (
    SELECT endpoint_id, lease_until IS NOT NULL AS lost, suspect_id AS suspected
    FROM hookpost_lane
    WHERE endpoint_id = ANY(%(endpoint_ids)s::uuid[])
      AND slow = %(slow)s::bool
      AND (lease_until IS NULL OR lease_until < now())
      AND (%(alone)s::bool OR (lease_until IS NULL AND crashes = 0))
    ORDER BY endpoint_id
    FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE hookpost_lane l
    SET fence = l.fence + 1,
        lease_until = now() + make_interval(secs => %(lease_seconds)s::float8),
        crashes = l.crashes + free.lost::int,
        suspect_id = NULL  -- until it is sent again: what only waits in a worker has no part in its loss
    FROM free
    WHERE l.endpoint_id = free.endpoint_id
    RETURNING l.*, free.suspected
)
SELECT
    l.endpoint_id, l.fence, l.crashes, l.suspected AS suspect_id, l.failures, l.opened, l.slow,
    l.tokens, extract(epoch FROM now() - l.tokens_at)::float8 AS tokens_age_seconds,
    coalesce(extract(epoch FROM l.rest_until - now())::float8, 0) AS rest_seconds,
    e.customer_id, e.url, e.state, e.signing, e.payload_mode, e.rate_limit, e.max_in_flight, e.retry_schedule,
    e.timeout_seconds, e.ordered, e.headers_sealed, e.deleted_at IS NOT NULL AS deleted,
    s.secret_ids, s.sealed
FROM leased l
JOIN hookpost_endpoint e ON e.id = l.endpoint_id
CROSS JOIN LATERAL (
    SELECT array_agg(id ORDER BY id DESC) AS secret_ids, array_agg(sealed ORDER BY id DESC) AS sealed
    FROM hookpost_endpoint_secret
    WHERE endpoint_id = l.endpoint_id AND (expires_at IS NULL OR expires_at > now())
) s
