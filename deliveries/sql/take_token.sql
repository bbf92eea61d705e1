-- Takes one token of a key's bucket, which refills steadily; a fresh bucket is full.
-- key_id uuid, limit int, window_seconds int
-- Reads and writes in one statement, so that two processes never take the same token; the second row version is what RETURNING shows. A bucket that was filled at a time to come was so before the database's clock was set back.
INSERT INTO hookpost_api_rate AS r (key_id, tokens, taken, refilled_at)
VALUES (%(key_id)s::uuid, %(limit)s::int - 1, true, clock_timestamp())
ON CONFLICT (key_id) DO UPDATE SET
    tokens = least(
            %(limit)s::float8,
            r.tokens + greatest(extract(epoch FROM clock_timestamp() - r.refilled_at)::float8, 0)
                * %(limit)s::float8 / %(window_seconds)s::float8
        ) - CASE WHEN r.tokens + greatest(extract(epoch FROM clock_timestamp() - r.refilled_at)::float8, 0)
                * %(limit)s::float8 / %(window_seconds)s::float8 >= 1 THEN 1 ELSE 0 END,
    taken = r.tokens + greatest(extract(epoch FROM clock_timestamp() - r.refilled_at)::float8, 0)
        * %(limit)s::float8 / %(window_seconds)s::float8 >= 1,
    refilled_at = clock_timestamp()
RETURNING tokens, taken
