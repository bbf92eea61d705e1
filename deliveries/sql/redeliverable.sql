-- What would become of these deliveries if they were queued once more now; `refused` is null for those that would be.
-- delivery_ids uuid[], since uuid and until uuid (between which their ids and those of their events are)
-- The rules of queue_redeliveries, which counting and queueing have to share: a dry run says what is sent then.
SELECT d.id, e.deleted_at,
    CASE
        WHEN e.id IS NULL OR e.deleted_at IS NOT NULL THEN 'endpoint_gone'
        WHEN v.id IS NULL THEN 'event_gone'
        WHEN v.erased_at IS NOT NULL THEN 'event_erased'
        WHEN {is_under_way} THEN 'under_way'
    END AS refused
{redelivery}
ORDER BY d.id
