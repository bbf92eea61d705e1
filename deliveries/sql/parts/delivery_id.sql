-- The id of an event's delivery to an endpoint: the same however often it is made, and of the event's day.
-- i.event_id, e.id
-- protocol/writing/ids.py has it too. The milliseconds of the event, then 18 digits of a hash around version and variant.
left(overlay(
    translate(left(i.event_id::text, 13), '-', '') || '7' || md5(i.event_id::text || e.id::text) PLACING 'a' FROM 17 FOR 0
), 32)::uuid
