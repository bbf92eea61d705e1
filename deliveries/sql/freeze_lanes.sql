-- Takes lanes for nobody, for ever: those of them that no worker has at the moment.
-- endpoint_ids uuid[], until timestamptz
-- Whoever records at this moment is waited for, so that a lane is taken between two workers rather than after them. A lease that has run out is nobody's.
WITH looked_at AS (
    SELECT endpoint_id, lease_until FROM hookpost_lane
    WHERE endpoint_id = ANY(%(endpoint_ids)s::uuid[]) ORDER BY endpoint_id FOR UPDATE
)
UPDATE hookpost_lane l
SET lease_until = %(until)s::timestamptz, fence = l.fence + 1, worker_id = NULL
WHERE l.endpoint_id = ANY(ARRAY(
    SELECT endpoint_id FROM looked_at WHERE lease_until IS NULL OR lease_until < now()
))
RETURNING l.endpoint_id
