-- What the hours tell of each endpoint: what arrived, what was tried, and how it fails most often.
-- endpoint_ids uuid[], day timestamptz and hour timestamptz (since when), not_theirs text[] (errors that tell nothing of an endpoint)
-- One index probe for each endpoint. Of those that no hour tells of, lately_at_endpoints.sql asks the log itself.
SELECT e.id AS endpoint_id,
    h.tried_24h, h.arrived_24h, h.tried_1h, h.arrived_1h, h.attempts > 0 AS is_counted,
    h.error, coalesce(h.status_code, 0) AS status_code
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
ORDER BY e.id
