-- Lanes that have something due and nobody at work: for the dispatcher (endpoint_ids null: all) and after a release.
-- endpoint_ids uuid[] or null
-- Names no lane that could send nothing of it, which would be woken without end. One index probe per lane instead of a scan of what is due: its cost grows with lanes, not with backlog.
SELECT l.endpoint_id, l.slow, l.fence, l.crashes > 0 OR l.lease_until IS NOT NULL AS alone
FROM hookpost_lane l
JOIN hookpost_endpoint e ON e.id = l.endpoint_id AND e.deleted_at IS NULL
WHERE (%(endpoint_ids)s::uuid[] IS NULL OR l.endpoint_id = ANY(%(endpoint_ids)s::uuid[]))
  AND (l.lease_until IS NULL OR l.lease_until < now())
  AND (
    EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = l.endpoint_id AND q.rank = 0 AND q.due_at <= now()
    )
    OR (
        e.state = 'enabled' AND (l.rest_until IS NULL OR l.rest_until <= now())
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
