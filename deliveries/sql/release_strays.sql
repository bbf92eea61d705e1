-- Gives back what a worker has leased without knowing: it got no answer to the statement that leased it.
-- worker_id uuid, endpoint_ids uuid[] (those that it asked for and does not have in hand)
-- Asked after trouble with the database only. Else these lanes would wait until their leases are over, and their worker counted as lost. A lane whose row somebody keeps locked waits for that.
WITH stray AS (
    SELECT endpoint_id FROM hookpost_lane
    WHERE endpoint_id = ANY(%(endpoint_ids)s::uuid[]) AND worker_id = %(worker_id)s::uuid AND lease_until IS NOT NULL
    FOR UPDATE SKIP LOCKED
)
UPDATE hookpost_lane l SET lease_until = NULL FROM stray WHERE l.endpoint_id = stray.endpoint_id
