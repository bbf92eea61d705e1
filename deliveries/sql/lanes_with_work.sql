-- Lanes that have something due and nobody at work: for the dispatcher (endpoint_ids null: all) and after a release.
-- endpoint_ids uuid[] or null
-- One index probe per lane instead of a scan of what is due: its cost grows with lanes, not with backlog.
SELECT l.endpoint_id, l.slow, l.crashes > 0 OR l.lease_until IS NOT NULL AS alone
FROM hookpost_lane l
WHERE (%(endpoint_ids)s::uuid[] IS NULL OR l.endpoint_id = ANY(%(endpoint_ids)s::uuid[]))
  AND (l.lease_until IS NULL OR l.lease_until < now())
  AND (
    EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = l.endpoint_id AND q.rank = 0 AND q.due_at <= now()
    )
    OR (
        (l.rest_until IS NULL OR l.rest_until <= now())
        AND (
            EXISTS (
                SELECT FROM hookpost_due_delivery q
                WHERE q.endpoint_id = l.endpoint_id AND q.rank = 1 AND q.due_at <= now()
            )
            OR EXISTS (
                SELECT FROM hookpost_due_delivery q
                WHERE q.endpoint_id = l.endpoint_id AND q.rank = 2 AND q.due_at <= now()
            )
            OR EXISTS (
                SELECT FROM hookpost_due_delivery q
                WHERE q.endpoint_id = l.endpoint_id AND q.rank = 3 AND q.due_at <= now()
            )
        )
    )
  )
