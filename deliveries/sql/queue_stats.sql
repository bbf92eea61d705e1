-- Figures of the queue for /metrics.
-- since uuid (smallest id of the last minute), limit int (where counting stops), after uuid (zeros), probes int (how many endpoints to look at)
-- Counts are cut, so that a scrape costs the same on the day when everything waits; ages are exact, by one index probe for each rank of each lane that has something queued.
WITH RECURSIVE {queued_ranks}, {oldest_queued}, lanes AS MATERIALIZED (
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
