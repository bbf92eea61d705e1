-- Counts what left the queue unsent as failed for the jobs that had queued it; two steps of a statement, behind `gone`.
-- gone (job_id), why text (what the jobs say of it)
-- Jobs are locked in the order of their ids, as whoever records what arrived locks them; one that was cancelled counts for itself.
job_locked AS (
    SELECT id FROM hookpost_job
    WHERE id IN (SELECT job_id FROM gone) AND state <> 'cancelled' ORDER BY id FOR UPDATE
), counted AS (
    UPDATE hookpost_job j
    SET failed = j.failed + lost.number, problem = CASE WHEN j.problem = '' THEN %(why)s::text ELSE j.problem END
    FROM (SELECT job_id, count(*)::int AS number FROM gone GROUP BY job_id) lost
    JOIN job_locked ON job_locked.id = lost.job_id
    WHERE j.id = lost.job_id
)
