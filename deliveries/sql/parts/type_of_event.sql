-- What is known of an event's type: whether it is registered, and whether it is archived.
-- i (type, emitter_id), c.customer_id
-- One row, also of a type that nobody has registered.
SELECT  -- a customer's own type judges nobody's events but those of its own keys
    bool_and(e.archived) FILTER (WHERE e.customer_id IS NULL OR e.customer_id = i.emitter_id) AS archived,
    count(*) > 0 AS known
FROM hookpost_event_type e
WHERE e.name = i.type AND (e.customer_id IS NULL OR e.customer_id = c.customer_id)
