-- Takes or keeps the lead, if it is free, over, or already ours; returns a row if we lead now.
-- name text, holder text, seconds float (how long it lasts without being taken again)
-- A row judged by the database's clock and not a lock, which would need a session: a pooler has none to give. Whoever may not lead only reads. A lead that ends later than any can was taken before the database's clock was set back, and is over.
INSERT INTO hookpost_leader AS l (name, holder, until)
SELECT %(name)s::text, %(holder)s::text, now() + make_interval(secs => %(seconds)s::float8)
WHERE NOT EXISTS (
    SELECT FROM hookpost_leader o
    WHERE o.name = %(name)s::text AND o.holder <> %(holder)s::text AND o.until > now() AND o.until < now() + 2 * make_interval(secs => %(seconds)s::float8)
)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE l.holder = excluded.holder OR l.until <= now() OR l.until >= now() + 2 * make_interval(secs => %(seconds)s::float8)
RETURNING l.holder
