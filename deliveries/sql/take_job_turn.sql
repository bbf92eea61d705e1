-- Gives a turn to the job that is next: the one who asked and was served longest ago comes first, and has one step at a time.
-- all_queued uuid (the cursor of a job of which nothing is left to queue but what a cancel took back), skipped uuid[] (jobs that had nothing to do just now), step_seconds float
-- Whoever asked is a customer, or the operator for one: many jobs of one are one place in the row. Only a row's first job is tried, so that two workers never serve one at the same time. A step that ends later than any can was begun before the database's clock was set back, and is over.
WITH open AS (
    SELECT id, customer_id, by_operator, served_at, created_at,
        (cursor IS DISTINCT FROM %(all_queued)s::uuid OR taken_back <> '{}') AND coalesce(rest_until, now()) <= now()
            AND NOT id = ANY(%(skipped)s::uuid[]) AS wanting,
        coalesce(stepping_until > now() AND stepping_until < now() + 2 * make_interval(secs => %(step_seconds)s::float8), false) AS stepping
    FROM hookpost_job
    WHERE state IN ('pending', 'running')
), asker AS (
    SELECT customer_id, by_operator,
        (array_agg(id ORDER BY served_at NULLS FIRST, id) FILTER (WHERE wanting))[1] AS id,
        greatest(max(served_at), min(created_at)) AS waiting_since
    FROM open
    GROUP BY customer_id, by_operator
    HAVING bool_or(wanting) AND NOT bool_or(stepping)
), picked AS (
    SELECT j.id
    FROM hookpost_job j JOIN asker USING (id)
    WHERE j.state IN ('pending', 'running') AND NOT coalesce(
        j.stepping_until > now() AND j.stepping_until < now() + 2 * make_interval(secs => %(step_seconds)s::float8), false
    )
    ORDER BY asker.waiting_since, j.id
    LIMIT 1
    FOR UPDATE OF j SKIP LOCKED
)
UPDATE hookpost_job j
SET served_at = clock_timestamp(), stepping_until = now() + make_interval(secs => %(step_seconds)s::float8)
FROM picked WHERE j.id = picked.id
RETURNING j.id
