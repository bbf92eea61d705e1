-- Whether nobody is at work on a lane: never leased, given back, run out, or leased by a worker that fell silent.
-- lane (of hookpost_lane), silent_seconds float, gap_seconds float (at most so long between two beats of who lives)
-- Nobody is silent unless somebody else, whoever it is, beat all the while, and lately: after an outage of the database everybody was silent for as long as it lasted, and what a worker then has in flight would be sent again, be its lease over or not. A beat of the future was before the database's clock was set back: who lives beats anew within a second.
(
    lane.lease_until IS NULL
    OR lane.lease_until < now() AND NOT EXISTS (
        SELECT FROM hookpost_worker w
        WHERE w.id = lane.worker_id
          AND (
            w.beat_at NOT BETWEEN now() - make_interval(secs => %(silent_seconds)s::float8)
                AND now() + make_interval(secs => %(silent_seconds)s::float8)
            OR w.since > now() - make_interval(secs => %(silent_seconds)s::float8)  -- it renews its leases after its beat
          )
    )
    OR (
        EXISTS (
            SELECT FROM hookpost_worker w
            WHERE w.since < now() - make_interval(secs => %(silent_seconds)s::float8)
              AND w.beat_at BETWEEN now() - make_interval(secs => %(gap_seconds)s::float8)
                AND now() + make_interval(secs => %(gap_seconds)s::float8)
        )
        AND lane.worker_id IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM hookpost_worker w
            WHERE w.id = lane.worker_id
              AND w.beat_at BETWEEN now() - make_interval(secs => %(silent_seconds)s::float8)
                AND now() + make_interval(secs => %(silent_seconds)s::float8)
        )
    )
)
