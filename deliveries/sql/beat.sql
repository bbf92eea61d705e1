-- A worker says that it lives, what it runs, and how far its clock is off as it last knew.
-- id uuid, host text, pid int, slow bool, version text, clock_offset float
-- silent_seconds float (for how long it may be silent before others take its lanes, and after a crash of the server its leases may be undone), gap_part float (of that: longer without a beat, or a clock set back by more, begins anew; so does who asks for less)
-- The database's clock alone judges who is silent. No wait for the disk: the next beat is a second away.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), unbroken AS (
    INSERT INTO hookpost_unbroken (since)
    SELECT now() WHERE NOT EXISTS (SELECT FROM hookpost_unbroken)
    ON CONFLICT DO NOTHING
)
INSERT INTO hookpost_worker AS w (id, host, pid, slow, since, beat_at, version, clock_offset_seconds, silent_seconds)
SELECT
    %(id)s::uuid, %(host)s::text, %(pid)s::int, %(slow)s::bool, now(), now(), %(version)s::text, %(clock_offset)s::float8,
    %(silent_seconds)s::float8
FROM quick
ON CONFLICT (id) DO UPDATE SET
    since = CASE
        WHEN w.silent_seconds <= excluded.silent_seconds
            AND w.beat_at BETWEEN now() - make_interval(secs => excluded.silent_seconds * %(gap_part)s::float8)
                AND now() + make_interval(secs => excluded.silent_seconds * %(gap_part)s::float8) THEN w.since
        ELSE now() END,
    beat_at = now(),
    clock_offset_seconds = excluded.clock_offset_seconds,
    silent_seconds = excluded.silent_seconds
RETURNING extract(epoch FROM clock_timestamp())::float8 AS database_time, w.since = now() AS begins_anew,
    -- One of a process counts: its dispatcher beats beside its engine.
    1 + (SELECT count(DISTINCT (o.host, o.pid))::int FROM hookpost_worker o
        WHERE o.slow = %(slow)s::bool AND (o.host, o.pid) <> (%(host)s::text, %(pid)s::int)
          AND o.beat_at BETWEEN now() - make_interval(secs => o.silent_seconds * %(gap_part)s::float8)
            AND now() + make_interval(secs => o.silent_seconds * %(gap_part)s::float8)) AS parts,
    (SELECT count(DISTINCT (o.host, o.pid))::int FROM hookpost_worker o
        WHERE o.slow = %(slow)s::bool AND (o.host, o.pid) < (%(host)s::text, %(pid)s::int)
          AND o.beat_at BETWEEN now() - make_interval(secs => o.silent_seconds * %(gap_part)s::float8)
            AND now() + make_interval(secs => o.silent_seconds * %(gap_part)s::float8)) AS part,
    {is_unbroken} AS is_unbroken,
    greatest(w.silent_seconds, (SELECT max(o.silent_seconds) FROM hookpost_worker o)) AS longest_silence
