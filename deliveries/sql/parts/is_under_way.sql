-- Whether a delivery is about to be sent anyway, waits for a redelivery already, or is of an event for later.
-- d (of hookpost_delivery)
-- By the key of the queue (OFFSET 0), and no hash of all of it. A first attempt (rank 1) that is due later waits for its event's deliver_at.
EXISTS (
    SELECT FROM hookpost_due_delivery q
    WHERE q.delivery_id = d.id AND (q.manual OR q.due_at <= now() OR q.rank = 1 AND q.due_at IS NOT NULL)
    OFFSET 0
)
