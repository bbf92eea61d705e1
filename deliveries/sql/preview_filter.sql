-- Which of these events a filter lets through.
-- event_ids uuid[], filter text
-- The ids are of one customer's own list: who asks has made it, and no other event is looked at.
SELECT id AS event_id, (convert_from(body, 'UTF8')::jsonb @@ %(filter)s::text::jsonpath) IS TRUE AS matches
FROM hookpost_event WHERE id = ANY(%(event_ids)s::uuid[])
