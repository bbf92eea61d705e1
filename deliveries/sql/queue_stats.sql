-- Figures of the queue for /metrics.
-- since uuid (smallest id of the last minute), limit int (where counting stops)
-- Counts are cut, so that a scrape costs the same on the day when everything waits.
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
    coalesce(extract(epoch FROM now() - (
        SELECT min(due_at) FROM (
            SELECT due_at FROM hookpost_due_delivery WHERE due_at <= now() LIMIT %(limit)s::int) o
    ))::float8, 0) AS oldest_due_seconds,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_event WHERE id >= %(since)s::uuid LIMIT %(limit)s::int) e) AS accepted_last_minute,
    (SELECT count(*)::int FROM (
        SELECT FROM hookpost_attempt WHERE id >= %(since)s::uuid LIMIT %(limit)s::int) a) AS attempts_last_minute
