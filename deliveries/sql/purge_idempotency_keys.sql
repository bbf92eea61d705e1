-- Forgets idempotency keys, oldest first.
-- hours float, limit int
-- In bounded steps: one huge DELETE would hold its locks for as long as it takes.
DELETE FROM hookpost_idempotency_key
WHERE (owner_id, key) IN (
    SELECT owner_id, key FROM hookpost_idempotency_key
    WHERE created_at < now() - make_interval(secs => %(hours)s::float8 * 3600)
    ORDER BY created_at LIMIT %(limit)s::int
)
RETURNING event_id
