-- Deliveries that are to be queued once more, and what that depends on: their endpoint, and their event, which is of their time.
-- delivery_ids uuid[], since uuid and until uuid (between which their ids and those of their events are)
-- Partitions of other days are not read, nor planned for.
FROM unnest(%(delivery_ids)s::uuid[]) AS wanted (id)
JOIN hookpost_delivery d ON d.id = wanted.id AND d.id BETWEEN %(since)s::uuid AND %(until)s::uuid
LEFT JOIN hookpost_endpoint e ON e.id = d.endpoint_id
LEFT JOIN hookpost_event v ON v.id = d.event_id AND v.id BETWEEN %(since)s::uuid AND %(until)s::uuid
