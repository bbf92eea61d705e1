-- A worker says that it lives.
-- id uuid, host text, pid int, slow bool, gap_seconds float (longer than that without a beat begins anew)
-- The database's clock alone judges who is silent.
INSERT INTO hookpost_worker AS w (id, host, pid, slow, since, beat_at)
VALUES (%(id)s::uuid, %(host)s::text, %(pid)s::int, %(slow)s::bool, now(), now())
ON CONFLICT (id) DO UPDATE SET
    since = CASE WHEN w.beat_at < now() - make_interval(secs => %(gap_seconds)s::float8) THEN now() ELSE w.since END,
    beat_at = now()
RETURNING extract(epoch FROM clock_timestamp())::float8 AS database_time
