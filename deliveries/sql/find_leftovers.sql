-- Lets enabled endpoints drain that hold something although nothing drains any more; says where it stopped looking.
-- after uuid (where it stopped the last time), probes int (how many endpoints to look at)
-- An event accepted at the very moment of a resume may be held so. One row; `cut` is null where that was the last endpoint with something queued. An endpoint whose row somebody keeps locked is found the next time.
WITH RECURSIVE {queued_endpoints}, leftover AS (
    SELECT e.id
    FROM scan s
    CROSS JOIN LATERAL (
        SELECT id FROM hookpost_endpoint
        WHERE id = s.endpoint_id AND state = 'enabled' AND (deleted_at IS NULL) IS TRUE AND NOT draining AND EXISTS (
            SELECT FROM hookpost_due_delivery q
            WHERE q.endpoint_id = s.endpoint_id AND q.rank IN (1, 2) AND q.due_at IS NULL
            OFFSET 0
        )
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    ) e
), drained AS (
    UPDATE hookpost_endpoint e SET draining = true WHERE e.id = ANY(ARRAY(SELECT id FROM leftover))
)
SELECT
    (SELECT endpoint_id FROM scan WHERE probe = %(probes)s::int) AS cut,
    (SELECT count(*)::int FROM leftover) AS endpoints
