-- Adds attempts that were not counted yet to the hours of their endpoints, of their customers, and of all endpoints together.
-- after uuid (the last one counted), lag_seconds float (younger ones may still be on their way), limit int
-- Reads a stretch of ids once, in their order: its cost is that of what came since, however long the log is. The caller holds the watermark.
WITH bound AS (
    SELECT (lpad(to_hex(floor((extract(epoch FROM now()) - %(lag_seconds)s::float8) * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid AS id
), tried AS MATERIALIZED (
    SELECT a.id, a.endpoint_id, (SELECT e.customer_id FROM hookpost_endpoint e WHERE e.id = a.endpoint_id) AS customer_id,
        date_trunc('hour', a.started_at, 'UTC') AS hour, a.error, coalesce(a.status_code, 0) AS status_code,
        a.started_at, a.number = 1 AS is_first,
        width_bucket(a.duration_ms - 1, ARRAY[10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000]) AS slot
    FROM hookpost_attempt a
    WHERE a.id > %(after)s::uuid AND a.id < (SELECT id FROM bound)
    ORDER BY a.id
    LIMIT %(limit)s::int
), counted AS (
    SELECT
        coalesce(endpoint_id, customer_id, '00000000-0000-0000-0000-000000000000') AS endpoint_id, hour, error,
        status_code,
        count(*) AS attempts, count(*) FILTER (WHERE is_first) AS first_attempts, max(started_at) AS last_at,
        ARRAY[
            count(*) FILTER (WHERE is_first AND slot = 0), count(*) FILTER (WHERE is_first AND slot = 1),
            count(*) FILTER (WHERE is_first AND slot = 2), count(*) FILTER (WHERE is_first AND slot = 3),
            count(*) FILTER (WHERE is_first AND slot = 4), count(*) FILTER (WHERE is_first AND slot = 5),
            count(*) FILTER (WHERE is_first AND slot = 6), count(*) FILTER (WHERE is_first AND slot = 7),
            count(*) FILTER (WHERE is_first AND slot = 8), count(*) FILTER (WHERE is_first AND slot = 9),
            count(*) FILTER (WHERE is_first AND slot = 10)
        ]::int[] AS first_durations
    FROM tried
    GROUP BY GROUPING SETS (
        (endpoint_id, hour, error, status_code), (customer_id, hour, error, status_code), (hour, error, status_code)
    )
    HAVING GROUPING(customer_id) = 1 OR customer_id IS NOT NULL  -- an endpoint that was erased meanwhile has none
), added AS (
    INSERT INTO hookpost_endpoint_hour AS h (
        endpoint_id, hour, error, status_code, attempts, first_attempts, first_durations, last_at
    )
    SELECT endpoint_id, hour, error, status_code, attempts, first_attempts, first_durations, last_at FROM counted
    ON CONFLICT (endpoint_id, hour, error, status_code) DO UPDATE
    SET attempts = h.attempts + excluded.attempts,
        first_attempts = h.first_attempts + excluded.first_attempts,
        first_durations = ARRAY(
            SELECT a + b FROM unnest(h.first_durations, excluded.first_durations) WITH ORDINALITY AS u (a, b, n)
            ORDER BY n
        ),
        last_at = greatest(h.last_at, excluded.last_at)
)
SELECT (SELECT count(*) FROM tried)::int AS attempts, (SELECT id FROM tried ORDER BY id DESC LIMIT 1) AS through,
    (SELECT id FROM bound) AS bound
