-- The next due deliveries of leased lanes, by rank: redeliveries, first attempts, late retries, bulk.
-- endpoint_ids uuid[], fences bigint[], rooms int[] (how many each lane takes), busy int[] (how many of its due ones are in flight: they come back too), awake bool[] (false: only redeliveries by hand)
-- Reads only: the lease owns the lane's rows, so a claim that is never recorded needs no undoing. Seven eighths for first attempts, so that retries never starve.
-- The LIMIT 1 keeps the plan to one look-up per delivery: a join could read the whole log instead.
SELECT d.delivery_id, d.manual, d.endpoint_id, d.event_id, d.rank, d.attempts, d.actor, d.job_id,
       v.type, v.body, v.created_at
FROM unnest(%(endpoint_ids)s::uuid[], %(fences)s::bigint[], %(rooms)s::int[], %(busy)s::int[], %(awake)s::bool[])
    AS lane (endpoint_id, fence, room, busy, awake)
JOIN hookpost_lane l ON l.endpoint_id = lane.endpoint_id AND l.fence = lane.fence
CROSS JOIN LATERAL (
    (SELECT * FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 0 AND q.due_at <= now()
     ORDER BY q.due_at, q.event_id LIMIT lane.room + lane.busy)
    UNION ALL
    (SELECT * FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 1 AND q.due_at <= now() AND lane.awake
     ORDER BY q.due_at, q.event_id LIMIT (lane.room * 7 + 7) / 8 + lane.busy)
    UNION ALL
    (SELECT * FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 2 AND q.due_at <= now() AND lane.awake
     ORDER BY q.due_at, q.event_id LIMIT lane.room + lane.busy)
    UNION ALL
    (SELECT * FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 3 AND q.due_at <= now() AND lane.awake
     ORDER BY q.due_at, q.event_id LIMIT (lane.room + 7) / 8 + lane.busy)
    LIMIT lane.room + lane.busy
) d
CROSS JOIN LATERAL (SELECT type, body, created_at FROM hookpost_event WHERE id = d.event_id LIMIT 1) v
ORDER BY d.rank, d.due_at, d.event_id
