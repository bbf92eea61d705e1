-- Those of the lanes whose rows nobody has locked.
-- endpoint_ids uuid[]
-- Locks them itself for as long as the statement takes: there is no other way to ask.
SELECT endpoint_id FROM hookpost_lane
WHERE endpoint_id = ANY(%(endpoint_ids)s::uuid[])
ORDER BY endpoint_id FOR UPDATE SKIP LOCKED
