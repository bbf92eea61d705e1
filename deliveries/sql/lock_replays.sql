-- Waits until nobody else makes replayed deliveries for an endpoint, and keeps it so until the transaction ends.
-- endpoint_id uuid
-- A statement of its own, before queue_replays: that one must begin after the lock to see what others have made.
SELECT true AS locked FROM pg_advisory_xact_lock(hashtextextended('hookpost replay ' || %(endpoint_id)s::uuid::text, 0))
