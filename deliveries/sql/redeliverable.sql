-- What would become of these deliveries if they were queued once more now; `refused` is null for those that would be.
-- delivery_ids uuid[]
-- The rules of queue_redeliveries, which counting and queueing have to share: a dry run says what is sent then.
SELECT d.id, e.deleted_at,
    CASE
        WHEN e.id IS NULL OR e.deleted_at IS NOT NULL THEN 'endpoint_gone'
        WHEN v.id IS NULL THEN 'event_gone'
        WHEN v.erased_at IS NOT NULL THEN 'event_erased'
        WHEN EXISTS (
            SELECT FROM hookpost_due_delivery q WHERE q.delivery_id = d.id AND (q.manual OR q.due_at <= now())
        ) THEN 'under_way'
    END AS refused
FROM unnest(%(delivery_ids)s::uuid[]) AS wanted (id)
JOIN hookpost_delivery d ON d.id = wanted.id
LEFT JOIN hookpost_endpoint e ON e.id = d.endpoint_id
LEFT JOIN hookpost_event v ON v.id = d.event_id
ORDER BY d.id
