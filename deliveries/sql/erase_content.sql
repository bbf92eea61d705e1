-- Puts what stands for erased content in the place of an event's body, and ends its fan-out.
-- event_id uuid, body bytea (protocol/events/event_data.py)
-- The first of two statements: what is queued from now on is refused, and what is queued already sends nothing of it.
WITH fan_out_ended AS (
    DELETE FROM hookpost_fan_out WHERE event_id = %(event_id)s::uuid
)
UPDATE hookpost_event
SET body = %(body)s::bytea, erased_at = coalesce(erased_at, statement_timestamp())
WHERE id = %(event_id)s::uuid
