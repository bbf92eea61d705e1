-- Gives lanes back that are ours, by fence and worker.
-- worker_id uuid, endpoint_ids uuid[], fences bigint[]
-- Apart from the check for work that came meanwhile (lanes_with_work): only a later snapshot can see it.
UPDATE hookpost_lane l
SET lease_until = NULL, crashes = 0, suspect_id = NULL
FROM unnest(%(endpoint_ids)s::uuid[], %(fences)s::bigint[]) AS i (endpoint_id, fence)
WHERE l.endpoint_id = i.endpoint_id AND l.fence = i.fence AND l.worker_id = %(worker_id)s::uuid
