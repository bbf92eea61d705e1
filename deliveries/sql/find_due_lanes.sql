-- Lanes that have something due and nobody at work, from a place in the order of endpoints on.
-- after uuid, probes int (how many lanes to look at), "limit" int (how many to find), silent_seconds float and gap_part float (as in take_lanes), slow bool or null (both), parts int and part int (into how many parts endpoints fall, by the last byte of their ids, and which is looked at; 1 and 0: all)
-- Jumps from endpoint to endpoint in the index of what is queued: it costs with the endpoints that have something queued, not with the backlog and not with all lanes. The row at the end of the probes comes back too (`cut`), so that the next call goes on there.
WITH RECURSIVE {queued_endpoints}
SELECT s.endpoint_id, found.customer_id, coalesce(found.slow, false) AS slow, found.customer_id IS NOT NULL AS due,
    s.probe = %(probes)s::int AS cut
FROM scan s
LEFT JOIN LATERAL (
    SELECT e.customer_id, lane.slow
    FROM hookpost_lane lane
    JOIN hookpost_endpoint e ON e.id = lane.endpoint_id AND (e.deleted_at IS NULL) IS TRUE
    WHERE lane.endpoint_id = s.endpoint_id AND get_byte(uuid_send(s.endpoint_id), 15) %% %(parts)s::int = %(part)s::int
      AND (%(slow)s::bool IS NULL OR lane.slow = %(slow)s::bool)
      AND {is_unbroken} AND {is_free} AND {has_due}
    LIMIT 1
) found ON true
WHERE found.customer_id IS NOT NULL OR s.probe = %(probes)s::int
LIMIT %(limit)s::int
