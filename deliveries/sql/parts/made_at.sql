-- When an event was made: its id is a UUIDv7, which begins with the milliseconds.
-- i.event_id
-- PostgreSQL has a function for it from version 17 on.
to_timestamp(('x' || translate(left(i.event_id::text, 13), '-', ''))::bit(48)::bigint / 1000.0)
