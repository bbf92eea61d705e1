-- Which of these events a filter lets through.
-- event_ids uuid[], bodies bytea[] (what it looks at instead of the stored ones, or null), filter text
-- The ids are of one customer's own list: who asks has made it, and no other event is looked at.
SELECT v.id AS event_id, (convert_from(coalesce(i.body, v.body), 'UTF8')::jsonb @@ %(filter)s::text::jsonpath) IS TRUE AS matches
FROM unnest(%(event_ids)s::uuid[], %(bodies)s::bytea[]) AS i (id, body)
JOIN hookpost_event v ON v.id = i.id
WHERE v.id = ANY(%(event_ids)s::uuid[])
