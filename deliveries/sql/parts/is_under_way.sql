-- Whether a delivery is about to be sent anyway, or waits for a redelivery already.
-- d (of hookpost_delivery)
-- By the key of the queue (OFFSET 0), and no hash of all of it.
EXISTS (SELECT FROM hookpost_due_delivery q WHERE q.delivery_id = d.id AND (q.manual OR q.due_at <= now()) OFFSET 0)
