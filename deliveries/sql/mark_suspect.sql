-- Remembers which delivery a lane sends alone after its worker was lost.
-- worker_id uuid, endpoint_id uuid, fence bigint, delivery_id uuid, losses int (workers that were lost while they sent it)
-- Written before the send, because a worker that dies says nothing afterwards.
UPDATE hookpost_lane
SET crashes = %(losses)s::int, suspect_id = %(delivery_id)s::uuid
WHERE endpoint_id = %(endpoint_id)s::uuid AND fence = %(fence)s::bigint AND worker_id = %(worker_id)s::uuid
