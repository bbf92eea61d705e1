-- Why nothing is stored for an event; null where nothing speaks against it.
-- i (the event as it was given: event_id, type, given_uid, emitter_id, api_key_id), m (made_at, of parts/made_at.sql), c (its customer: customer_id, moving), t (of parts/type_of_event.sql), clock_tolerance_seconds float8, reject_unknown bool
-- In this order: whoever may not emit learns nothing of customers and types.
CASE
    -- An id of another time than the database's belongs to a day that is over, or not yet begun.
    WHEN abs(extract(epoch FROM clock_timestamp() - m.made_at)) > %(clock_tolerance_seconds)s::float8 THEN 'clock'
    WHEN i.api_key_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM hookpost_api_key k
        WHERE k.id = i.api_key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    ) THEN 'api_key'
    WHEN (c.customer_id IS NULL AND i.given_uid IS DISTINCT FROM '*') OR c.customer_id <> i.emitter_id THEN 'customer'
    WHEN c.moving = 'closed' THEN 'moved'
    WHEN t.archived THEN 'archived'
    WHEN NOT t.known AND %(reject_unknown)s::bool AND NOT starts_with(i.type, 'hookpost.') THEN 'type'
END
