-- Endpoints that have something queued, one after the other in the order of their ids, with how many were looked at.
-- after uuid, probes int (how many to look at)
-- Jumps from endpoint to endpoint in the index of what is queued: it costs with the endpoints that have something queued, not with the backlog and not with all endpoints.
scan (endpoint_id, probe) AS (
    (SELECT q.endpoint_id, 1 FROM hookpost_due_delivery q
     WHERE q.endpoint_id > %(after)s::uuid ORDER BY q.endpoint_id LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id, s.probe + 1
    FROM scan s
    CROSS JOIN LATERAL (
        SELECT q.endpoint_id FROM hookpost_due_delivery q
        WHERE q.endpoint_id > s.endpoint_id ORDER BY q.endpoint_id LIMIT 1
    ) n
    WHERE s.probe < %(probes)s::int
)
