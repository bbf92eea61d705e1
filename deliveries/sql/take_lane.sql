-- Leases one lane with the only delivery that is due for it: what take_lanes does, for an event that comes alone.
-- endpoint_id uuid, worker_id uuid, lease_seconds float, silent_seconds float, slow bool, whole_bytes int, timed bool: as in take_lanes
-- All or nothing: no row where the lane is in other hands, rests, was lost or is to be probed, where its endpoint is not enabled, or where more is due; take_lanes does that. Most of a small statement's cost is its plan's nodes, so this one has a third of them.
WITH seen AS MATERIALIZED (
    SELECT lane.endpoint_id, lane.fence, lane.suspect_id AS suspected, e.customer_id, e.url, e.state, {sending_columns},
        d.delivery_id, d.manual, d.event_id, d.rank, d.attempts, d.actor, d.reason, v.type, v.body_bytes, v.body,
        v.trace_context, v.api_version, CASE WHEN %(timed)s::bool THEN extract(epoch FROM d.due_at)::float8 END AS due_at
    FROM (SELECT set_config('synchronous_commit', 'off', true)) quick
    CROSS JOIN hookpost_lane lane
    JOIN hookpost_endpoint e ON e.id = lane.endpoint_id
    CROSS JOIN LATERAL (
        SELECT q.* FROM hookpost_due_delivery q
        WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 1 AND q.due_at <= now()
        ORDER BY q.due_at, q.event_id LIMIT 1
    ) d
    CROSS JOIN LATERAL ({valid_secrets}) secrets
    LEFT JOIN LATERAL (
        SELECT type, octet_length(body) AS body_bytes,
            CASE WHEN octet_length(body) <= %(whole_bytes)s::int THEN body END AS body, trace_context, api_version
        FROM hookpost_event WHERE id = d.event_id LIMIT 1
    ) v ON true
    WHERE lane.endpoint_id = %(endpoint_id)s::uuid AND lane.slow = %(slow)s::bool AND lane.lease_until IS NULL
      AND lane.crashes = 0 AND lane.opened = 0 AND (lane.rest_until IS NULL OR lane.rest_until <= now())
      AND (e.deleted_at IS NULL) IS TRUE AND e.state = 'enabled' AND e.url <> 'https://poll.hookpost.invalid/'
      AND {is_unbroken}
      AND NOT EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = lane.endpoint_id AND q.rank = ANY('{0,1,2,3}'::smallint[]) AND q.due_at <= now()
          AND (q.delivery_id <> d.delivery_id OR q.manual <> d.manual)
        OFFSET 0  -- a probe, and no join over the whole queue
      )
), leased AS (
    UPDATE hookpost_lane l
    SET fence = l.fence + 1,
        lease_until = now() + make_interval(secs => %(lease_seconds)s::float8),
        worker_id = %(worker_id)s::uuid,
        suspect_id = NULL
    FROM (
        SELECT l.endpoint_id
        FROM seen s
        JOIN hookpost_lane l ON l.endpoint_id = s.endpoint_id AND l.fence = s.fence AND l.lease_until IS NULL
        FOR UPDATE OF l SKIP LOCKED
    ) free
    WHERE l.endpoint_id = free.endpoint_id
    RETURNING l.fence, l.crashes, l.failures, l.opened, l.slow, l."window", l.tokens, l.tokens_at, l.rest_reason
)
SELECT
    'lane' AS kind, s.endpoint_id, s.customer_id, l.fence, l.crashes, s.suspected AS suspect_id, l.failures, l.opened,
    l.slow, l."window", l.tokens, extract(epoch FROM now() - l.tokens_at)::float8 AS tokens_age_seconds,
    0::float8 AS rest_seconds, l.rest_reason,
    s.url, s.state, s.signing, s.shaping, s.rate_limit, s.max_in_flight, s.retry_schedule, s.timeout_seconds, s.ordered,
    s.set_aside_after, s.headers_sealed, s.credentials_sealed, s.secret_ids, s.sealed, s.hints,
    s.delivery_id, s.manual, s.event_id, s.rank, s.attempts, s.actor, s.reason, s.type, s.body_bytes, s.body,
    s.trace_context, s.api_version, s.due_at
FROM leased l
CROSS JOIN seen s
