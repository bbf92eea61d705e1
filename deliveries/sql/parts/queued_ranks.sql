-- What has been due longest in each rank of each endpoint that has something queued, in the order of endpoints, with how many of them were looked at.
-- after uuid, probes int (how many endpoints to look at)
-- Jumps in the index of what is queued from each rank of an endpoint to the next one: its first row is the oldest. A rank in which nothing waits costs nothing.
scan (endpoint_id, rank, due_at, probe) AS (
    (SELECT q.endpoint_id, q.rank, q.due_at, 1 FROM hookpost_due_delivery q
     WHERE q.endpoint_id > %(after)s::uuid ORDER BY q.endpoint_id, q.rank, q.due_at LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id, n.rank, n.due_at, s.probe + (n.endpoint_id <> s.endpoint_id)::int
    FROM scan s
    CROSS JOIN LATERAL (
        SELECT q.endpoint_id, q.rank, q.due_at FROM hookpost_due_delivery q
        WHERE (q.endpoint_id, q.rank) > (s.endpoint_id, s.rank)
        ORDER BY q.endpoint_id, q.rank, q.due_at LIMIT 1
    ) n
    WHERE s.probe < %(probes)s::int
)
