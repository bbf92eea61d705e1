-- What the newest deliveries to each endpoint came to, of those that were tried.
-- endpoint_ids uuid[], day timestamptz (since when they are of the last day), newest int (how many to look at)
-- A look into each day of the log for each endpoint: for those that no hour tells of yet, or that nothing was sent to for a day.
SELECT e.id AS endpoint_id,
    count(*) FILTER (WHERE n.created_at >= %(day)s::timestamptz)::int AS tried,
    count(*) FILTER (WHERE n.created_at >= %(day)s::timestamptz AND n.state = 'succeeded')::int AS arrived,
    bool_or(n.state = 'succeeded') AS has_arrived,
    mode() WITHIN GROUP (ORDER BY n.error) FILTER (WHERE n.error <> '') AS error,
    coalesce(mode() WITHIN GROUP (ORDER BY n.status_code) FILTER (WHERE n.error <> ''), 0) AS status_code
FROM unnest(%(endpoint_ids)s::uuid[]) AS e (id)
CROSS JOIN LATERAL (
    SELECT state, error, status_code, attempts, created_at
    FROM hookpost_delivery
    WHERE endpoint_id = e.id
    ORDER BY id DESC
    LIMIT %(newest)s::int
) n
WHERE n.attempts > 0
GROUP BY e.id
ORDER BY e.id
