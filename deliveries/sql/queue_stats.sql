-- Figures of the queue for /metrics.
-- since uuid (smallest id of the last minute), limit int (where counting stops)
-- Counts are cut, so that a scrape costs the same on the day when everything waits; ages are exact, by one index probe for each lane and rank.
WITH oldest AS (
    SELECT
        rank > 0 AND e.state <> 'enabled' AS held,
        rank > 0 AND coalesce(l.rest_until > now(), false) AS resting,
        coalesce(l.lease_until > now(), false) AS leased,
        e.url = 'https://poll.hookpost.invalid/' AS polled,  -- waits for its poller, and for no worker
        q.due_at,
        CASE WHEN rank > 0 THEN greatest(q.due_at, l.rest_until, e.state_changed_at) ELSE q.due_at END AS ready_at
    FROM hookpost_lane l
    JOIN hookpost_endpoint e ON e.id = l.endpoint_id AND e.deleted_at IS NULL
    CROSS JOIN (VALUES (0), (1), (2), (3)) AS ranks (rank)
    CROSS JOIN LATERAL (
        SELECT due_at FROM hookpost_due_delivery
        WHERE endpoint_id = l.endpoint_id AND hookpost_due_delivery.rank = ranks.rank AND due_at <= now()
        ORDER BY due_at LIMIT 1
    ) q
)
SELECT
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_due_delivery WHERE due_at IS NOT NULL LIMIT %(limit)s::int) d) AS due,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_due_delivery WHERE due_at IS NULL LIMIT %(limit)s::int) h) AS held,
    (SELECT count(*)::int FROM hookpost_lane WHERE lease_until > now()) AS lanes_leased,
    (SELECT count(*)::int FROM hookpost_lane WHERE rest_until > now()) AS lanes_resting,
    (SELECT count(*)::int FROM hookpost_lane WHERE slow) AS lanes_slow,
    (SELECT count(*)::int FROM hookpost_lane l JOIN hookpost_endpoint e ON e.id = l.endpoint_id
        WHERE l.failing_since IS NOT NULL AND e.state = 'enabled' AND e.deleted_at IS NULL) AS endpoints_failing,
    (SELECT count(*)::int FROM hookpost_endpoint
        WHERE deleted_at IS NULL AND tls_shown IS NOT NULL
          AND least(tls_shown ->> 'expires_at', tls_shown ->> 'authorities_expire_at')
            < to_char((now() + interval '7 days') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')) AS certificates_ending,
    (SELECT coalesce(extract(epoch FROM now() - min(ready_at)), 0)::float8
     FROM oldest WHERE NOT held AND NOT resting AND NOT leased AND NOT polled) AS oldest_due_seconds,
    (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8
     FROM oldest WHERE NOT held AND NOT resting AND leased AND NOT polled) AS oldest_leased_seconds,
    (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8
     FROM oldest WHERE NOT held AND resting AND NOT polled) AS oldest_resting_seconds,
    (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8
     FROM oldest WHERE NOT held AND NOT resting AND polled) AS oldest_polled_seconds,
    (SELECT count(*)::int FROM hookpost_challenge c JOIN hookpost_endpoint e ON e.id = c.endpoint_id
        WHERE c.state <> 'verified' AND e.deleted_at IS NULL) AS endpoints_unverified,
    (SELECT count(*)::int FROM hookpost_customer WHERE moving = 'frozen') AS customers_frozen,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_event WHERE id >= %(since)s::uuid LIMIT %(limit)s::int) e) AS accepted_last_minute,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_attempt WHERE id >= %(since)s::uuid LIMIT %(limit)s::int) a) AS attempts_last_minute
