-- Forgets a worker that ends, or those that have been silent for long.
-- id uuid or null (null: the silent ones), silent_seconds float
-- Rows of the dead are kept for an hour: pages and doctors look at them.
DELETE FROM hookpost_worker
WHERE CASE WHEN %(id)s::uuid IS NULL THEN beat_at < now() - make_interval(secs => %(silent_seconds)s::float8)
    ELSE id = %(id)s::uuid END
