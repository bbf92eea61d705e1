-- The next due deliveries of lanes in hand, with the events that they carry.
-- worker_id uuid (who leased them), endpoint_ids uuid[], fences bigint[], rooms int[] (how many each lane takes), busy int[] (how many of its due ones are in flight: they come back too), favours int[] (the rank that goes first after redeliveries), scheduled bool[] (false: only redeliveries by hand), whole_bytes int (larger bodies come later, by event_bodies, as do events of other days than the one asked for), timed bool (since when each is due; null if false)
-- Reads only: the lease owns the lane's rows, so a claim that is never recorded needs no undoing.
-- The LIMIT 1 keeps the plan to one look-up per delivery: a join could read the whole log instead.
SELECT d.endpoint_id, d.delivery_id, d.manual, d.event_id, d.rank, d.attempts, d.actor, d.reason, v.type, v.body_bytes, v.body, v.trace_context, v.api_version,
    CASE WHEN %(timed)s::bool THEN extract(epoch FROM d.due_at)::float8 END AS due_at
FROM unnest(
    %(endpoint_ids)s::uuid[], %(fences)s::bigint[], %(rooms)s::int[], %(busy)s::int[], %(favours)s::int[],
    %(scheduled)s::bool[]
) AS lane (endpoint_id, fence, room, busy, favour, scheduled)
JOIN hookpost_lane l ON l.endpoint_id = lane.endpoint_id AND l.fence = lane.fence AND l.worker_id = %(worker_id)s::uuid
CROSS JOIN LATERAL ({due_of_lane}) d
LEFT JOIN LATERAL (
    SELECT type, octet_length(body) AS body_bytes,
        CASE WHEN octet_length(body) <= %(whole_bytes)s::int THEN body END AS body, trace_context, api_version
    FROM hookpost_event WHERE id = d.event_id LIMIT 1
) v ON true
