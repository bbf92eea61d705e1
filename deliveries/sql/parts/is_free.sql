-- Whether nobody is at work on a lane: never leased, given back, run out, or leased by a worker that fell silent.
-- lane (of hookpost_lane), worker_id uuid (who asks), silent_seconds float
-- Only who beat all the while may call another one silent: after an outage of the database everybody was silent for as long as it lasted. A beat of the future was before the database's clock was set back: who lives beats anew within a second.
(
    lane.lease_until IS NULL
    OR lane.lease_until < now()
    OR (
        (SELECT w.since FROM hookpost_worker w WHERE w.id = %(worker_id)s::uuid)
            < now() - make_interval(secs => %(silent_seconds)s::float8)
        AND lane.worker_id IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM hookpost_worker w
            WHERE w.id = lane.worker_id
              AND w.beat_at BETWEEN now() - make_interval(secs => %(silent_seconds)s::float8)
                AND now() + make_interval(secs => %(silent_seconds)s::float8)
        )
    )
)
