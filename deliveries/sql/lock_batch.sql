-- Waits until no other batch of events with this Idempotency-Key is being stored, and keeps it so until the transaction ends.
-- owner_id uuid, key text (the batch's own)
-- A statement of its own, before the stored keys are looked at: that look must begin after the lock to see what others have stored.
SELECT true AS locked
FROM pg_advisory_xact_lock(hashtextextended('hookpost batch ' || %(owner_id)s::uuid::text || ' ' || %(key)s::text, 0))
