-- Deliveries that are to be queued once more, and what that depends on: their endpoint, and their event, which is of their time.
-- delivery_ids uuid[], since uuid and until uuid (between which their ids and those of their events are)
-- A probe for each, as in queue_redeliveries.sql: of tables without statistics a join would look through all for each of them. Partitions of other days are not read, nor planned for.
FROM unnest(%(delivery_ids)s::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, endpoint_id, event_id FROM hookpost_delivery
    WHERE id BETWEEN wanted.id AND wanted.id AND id BETWEEN %(since)s::uuid AND %(until)s::uuid ORDER BY id LIMIT 1
) d
LEFT JOIN LATERAL (SELECT id, deleted_at FROM hookpost_endpoint WHERE id = d.endpoint_id OFFSET 0) e ON true
LEFT JOIN LATERAL (
    SELECT id, erased_at FROM hookpost_event
    WHERE id BETWEEN d.event_id AND d.event_id AND id BETWEEN %(since)s::uuid AND %(until)s::uuid ORDER BY id LIMIT 1
) v ON true
