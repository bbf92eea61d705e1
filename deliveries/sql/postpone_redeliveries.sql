-- Moves a lane's redeliveries by hand that are due now to a later moment.
-- endpoint_id uuid, seconds float
-- They heed no rest, so a lane that cannot send at all would be woken for them again at once, without end.
UPDATE hookpost_due_delivery
SET due_at = now() + make_interval(secs => %(seconds)s::float8)
WHERE endpoint_id = %(endpoint_id)s::uuid AND rank = 0 AND due_at <= now()
