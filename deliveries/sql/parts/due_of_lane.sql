-- The next due deliveries of one lane: redeliveries by hand first, then one of the favoured rank, then all ranks mixed.
-- lane.endpoint_id, lane.room (how many), lane.busy (how many of its due ones are in flight: they come back too), lane.favour (a rank), lane.scheduled (false: only redeliveries by hand)
-- Each rank is read from its own end of the index. For four first attempts comes a retry, for eight a bulk redelivery; who calls rotates the favour, so that no rank starves in a room for one either.
SELECT u.* FROM (
    (SELECT q.*, row_number() OVER (ORDER BY q.due_at, q.event_id) AS place FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 0 AND q.due_at <= now()
     ORDER BY q.due_at, q.event_id LIMIT lane.room + lane.busy)
    UNION ALL
    (SELECT q.*, row_number() OVER (ORDER BY q.due_at, q.event_id) FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 1 AND q.due_at <= now() AND lane.scheduled
     ORDER BY q.due_at, q.event_id LIMIT lane.room + lane.busy)
    UNION ALL
    (SELECT q.*, 4 * row_number() OVER (ORDER BY q.due_at, q.event_id) FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 2 AND q.due_at <= now() AND lane.scheduled
     ORDER BY q.due_at, q.event_id LIMIT lane.room + lane.busy)
    UNION ALL
    (SELECT q.*, 8 * row_number() OVER (ORDER BY q.due_at, q.event_id) FROM hookpost_due_delivery q
     WHERE q.endpoint_id = lane.endpoint_id AND q.rank = 3 AND q.due_at <= now() AND lane.scheduled
     ORDER BY q.due_at, q.event_id LIMIT lane.room + lane.busy)
) u
ORDER BY CASE WHEN u.rank = 0 THEN -1 WHEN u.rank = lane.favour AND u.place <= 8 THEN 0 ELSE 1 END, u.place, u.rank
LIMIT lane.room + lane.busy
