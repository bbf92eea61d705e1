-- Moves a lane's redeliveries by hand that are due now to a later moment; one row.
-- endpoint_id uuid, seconds float
-- They heed no rest, so a lane that cannot send at all would be woken for them again at once, without end. What somebody keeps locked stays due; `left_due` says whether there is any.
WITH free AS (
    SELECT delivery_id, manual FROM hookpost_due_delivery
    WHERE endpoint_id = %(endpoint_id)s::uuid AND rank = 0 AND due_at <= now()
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE hookpost_due_delivery q
    SET due_at = now() + make_interval(secs => %(seconds)s::float8)
    FROM free WHERE q.delivery_id = free.delivery_id AND q.manual = free.manual
)
SELECT EXISTS (
    SELECT FROM hookpost_due_delivery q
    WHERE q.endpoint_id = %(endpoint_id)s::uuid AND q.rank = 0 AND q.due_at <= now()
      AND (q.delivery_id, q.manual) NOT IN (SELECT delivery_id, manual FROM free)
) AS left_due
