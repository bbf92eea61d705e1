-- How many of these deliveries would be queued if they were to be sent once more now.
-- delivery_ids uuid[], since uuid and until uuid (between which their ids and those of their events are)
-- Those that redeliverable.sql refuses nothing of, without handing over a row for each.
SELECT count(*)::int AS number
{redelivery}
WHERE e.id IS NOT NULL AND e.deleted_at IS NULL AND v.id IS NOT NULL AND v.erased_at IS NULL AND NOT {is_under_way}
