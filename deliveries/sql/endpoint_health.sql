-- What arrived and what failed at each endpoint: from the hours, else from its newest deliveries.
-- endpoint_ids uuid[], day timestamptz and hour timestamptz (since when), not_theirs text[] (errors that tell nothing of an endpoint), newest int
-- A few index probes per endpoint. What no hour tells of yet, or has not been sent to for a day, is read from the log itself.
SELECT e.id AS endpoint_id,
    h.tried_24h, h.arrived_24h, h.tried_1h, h.arrived_1h, h.attempts > 0 AS is_counted,
    coalesce(h.error, r.error) AS error, coalesce(h.status_code, r.status_code, 0) AS status_code,
    coalesce(r.tried, 0) AS tried, coalesce(r.arrived, 0) AS arrived, coalesce(r.has_arrived, false) AS has_arrived
FROM unnest(%(endpoint_ids)s::uuid[]) AS e (id)
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(attempts), 0)::int AS attempts,
        coalesce(sum(tried), 0)::int AS tried_24h,
        coalesce(sum(attempts) FILTER (WHERE error = ''), 0)::int AS arrived_24h,
        coalesce(sum(tried_lately), 0)::int AS tried_1h,
        coalesce(sum(lately) FILTER (WHERE error = ''), 0)::int AS arrived_1h,
        (array_agg(error ORDER BY attempts DESC, error, status_code) FILTER (WHERE error <> ''))[1] AS error,
        (array_agg(status_code ORDER BY attempts DESC, error, status_code) FILTER (WHERE error <> ''))[1] AS status_code
    FROM (
        SELECT error, status_code, sum(attempts) AS attempts, sum(first_attempts) AS tried,
            sum(attempts) FILTER (WHERE hour >= %(hour)s::timestamptz) AS lately,
            sum(first_attempts) FILTER (WHERE hour >= %(hour)s::timestamptz) AS tried_lately
        FROM hookpost_endpoint_hour
        WHERE endpoint_id = e.id AND hour >= %(day)s::timestamptz AND error <> ALL(%(not_theirs)s::text[])
        GROUP BY error, status_code
    ) ends
) h
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE n.created_at >= %(day)s::timestamptz)::int AS tried,
        count(*) FILTER (WHERE n.created_at >= %(day)s::timestamptz AND n.state = 'succeeded')::int AS arrived,
        bool_or(n.state = 'succeeded') AS has_arrived,
        mode() WITHIN GROUP (ORDER BY n.error) FILTER (WHERE n.error <> '') AS error,
        mode() WITHIN GROUP (ORDER BY n.status_code) FILTER (WHERE n.error <> '') AS status_code
    FROM (
        SELECT state, error, status_code, attempts, created_at
        FROM hookpost_delivery
        WHERE endpoint_id = e.id AND h.attempts = 0
        ORDER BY id DESC
        LIMIT %(newest)s::int
    ) n
    WHERE n.attempts > 0
) r ON true
ORDER BY e.id
