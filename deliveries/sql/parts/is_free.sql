-- Whether nobody is at work on a lane: never leased, given back, run out, or leased by a worker that fell silent.
-- lane (of hookpost_lane), gap_part float (of its silent_seconds: at most so long between two beats of who lives)
-- Nobody is silent unless somebody else, whoever it is, beat all the while, and lately: after an outage of the database everybody was silent for as long as it lasted, and what a worker then has in flight would be sent again, be its lease over or not. Each may be silent for as long as it said; who beats seldom itself needs as long to know. A beat of the future was before the database's clock was set back: who lives beats anew within a second.
(
    lane.lease_until IS NULL
    OR lane.lease_until < now() AND NOT EXISTS (
        SELECT FROM hookpost_worker w
        WHERE w.id = lane.worker_id
          AND (
            w.beat_at NOT BETWEEN now() - make_interval(secs => w.silent_seconds)
                AND now() + make_interval(secs => w.silent_seconds)
            OR w.since > now() - make_interval(secs => w.silent_seconds)  -- it renews its leases after its beat
          )
    )
    OR (
        lane.worker_id IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM hookpost_worker w
            WHERE w.id = lane.worker_id
              AND w.beat_at BETWEEN now() - make_interval(secs => w.silent_seconds)
                AND now() + make_interval(secs => w.silent_seconds)
        )
        AND EXISTS (
            SELECT FROM hookpost_worker w
            LEFT JOIN hookpost_worker lost ON lost.id = lane.worker_id
            CROSS JOIN LATERAL (
                SELECT make_interval(secs => greatest(w.silent_seconds, lost.silent_seconds)) AS enough
            ) silence
            WHERE w.since < now() - enough
              AND w.beat_at BETWEEN now() - make_interval(secs => w.silent_seconds * %(gap_part)s::float8)
                AND now() + make_interval(secs => w.silent_seconds * %(gap_part)s::float8)
              AND (lost.beat_at BETWEEN now() - enough AND now() + enough) IS NOT TRUE
        )
    )
)
