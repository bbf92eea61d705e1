-- Figures of the queue for /metrics.
-- since uuid (smallest id of the last minute), limit int (where counting stops)
-- Counts are cut, so that a scrape costs the same on the day when everything waits; ages are exact, by one index probe for each rank of each lane that has something queued.
WITH RECURSIVE queued (endpoint_id) AS (
    (SELECT endpoint_id FROM hookpost_due_delivery ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id
    FROM queued q
    CROSS JOIN LATERAL (
        SELECT endpoint_id FROM hookpost_due_delivery WHERE endpoint_id > q.endpoint_id ORDER BY endpoint_id LIMIT 1
    ) n
), oldest AS (
    SELECT
        rank > 0 AND l.state <> 'enabled' AS held,
        rank > 0 AND coalesce(l.rest_until > now(), false) AS resting,
        coalesce(l.lease_until > now(), false) AS leased,
        l.url = 'https://poll.hookpost.invalid/' AS polled,  -- waits for its poller, and for no worker
        q.due_at,
        CASE WHEN rank > 0 THEN greatest(q.due_at, l.rest_until, l.state_changed_at) ELSE q.due_at END AS ready_at
    FROM queued
    CROSS JOIN LATERAL (
        SELECT lane.endpoint_id, lane.rest_until, lane.lease_until, e.state, e.url, e.state_changed_at
        FROM hookpost_lane lane JOIN hookpost_endpoint e ON e.id = lane.endpoint_id AND (e.deleted_at IS NULL) IS TRUE
        WHERE lane.endpoint_id = queued.endpoint_id
        LIMIT 1
    ) l
    CROSS JOIN (VALUES (0), (1), (2), (3)) AS ranks (rank)
    CROSS JOIN LATERAL (
        SELECT due_at FROM hookpost_due_delivery
        WHERE endpoint_id = l.endpoint_id AND hookpost_due_delivery.rank = ranks.rank AND due_at <= now()
        ORDER BY due_at LIMIT 1
    ) q
), lanes AS MATERIALIZED (
    SELECT
        (count(*) FILTER (WHERE lease_until > now()))::int AS leased,
        (count(*) FILTER (WHERE rest_until > now()))::int AS resting,
        (count(*) FILTER (WHERE slow))::int AS slow
    FROM hookpost_lane
)
SELECT
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_due_delivery WHERE due_at IS NOT NULL LIMIT %(limit)s::int) d) AS due,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_due_delivery WHERE due_at IS NULL LIMIT %(limit)s::int) h) AS held,
    (SELECT leased FROM lanes) AS lanes_leased,
    (SELECT resting FROM lanes) AS lanes_resting,
    (SELECT slow FROM lanes) AS lanes_slow,
    (SELECT count(*)::int FROM (
        SELECT endpoint_id FROM hookpost_lane WHERE failing_since IS NOT NULL ORDER BY failing_since OFFSET 0
    ) l CROSS JOIN LATERAL (
        SELECT FROM hookpost_endpoint e
        WHERE e.id = l.endpoint_id AND e.state = 'enabled' AND (e.deleted_at IS NULL) IS TRUE
        LIMIT 1
    ) e) AS endpoints_failing,
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
        WHERE c.state <> 'verified' AND (e.deleted_at IS NULL) IS TRUE) AS endpoints_unverified,
    (SELECT count(*)::int FROM hookpost_customer WHERE moving = 'frozen') AS customers_frozen,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_event WHERE id >= %(since)s::uuid LIMIT %(limit)s::int) e) AS accepted_last_minute,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_attempt WHERE id >= %(since)s::uuid LIMIT %(limit)s::int) a) AS attempts_last_minute
