-- What each unfinished job waits for: whether all of it is queued, whether any of that waits, and whether none of that can be sent.
-- all_queued uuid, waiting_limit int
-- Of what is queued only the endpoints are looked at, one index probe each, and no further than to the first that is enabled.
SELECT j.id, j.state, w.all_queued, w.waits,
    w.waits AND (w.all_queued OR w.is_full) AND NOT EXISTS (
        WITH RECURSIVE queued (endpoint_id) AS (
            (SELECT endpoint_id FROM hookpost_due_delivery WHERE job_id = j.id ORDER BY endpoint_id LIMIT 1)
            UNION ALL
            SELECT (
                SELECT q.endpoint_id FROM hookpost_due_delivery q
                WHERE q.job_id = j.id AND q.endpoint_id > queued.endpoint_id ORDER BY q.endpoint_id LIMIT 1
            )
            FROM queued WHERE queued.endpoint_id IS NOT NULL
        )
        SELECT FROM queued JOIN hookpost_endpoint e ON e.id = queued.endpoint_id WHERE e.state = 'enabled'
    ) AS held
FROM hookpost_job j
CROSS JOIN LATERAL (
    SELECT
        coalesce(j.cursor = %(all_queued)s::uuid, false) AND j.taken_back = '{}' AS all_queued,
        EXISTS (SELECT FROM hookpost_due_delivery q WHERE q.job_id = j.id) AS waits,
        (j.cursor IS DISTINCT FROM %(all_queued)s::uuid OR j.taken_back <> '{}') AND (
            SELECT count(*) FROM (
                SELECT FROM hookpost_due_delivery q WHERE q.job_id = j.id LIMIT %(waiting_limit)s::int
            ) queued
        ) >= %(waiting_limit)s::int AS is_full
) w
WHERE j.state IN ('pending', 'running', 'held')
ORDER BY j.id
