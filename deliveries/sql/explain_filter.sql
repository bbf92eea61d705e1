-- What becomes of each condition of a filter for these events, and what they have at its path.
-- event_ids uuid[], bodies bytea[] (what is looked at instead of the stored ones, or null), conditions text[], paths text[] (empty where a condition has none), most int (values of each path), characters int (of each value)
-- Each body is parsed once. A path that leads nowhere, even in strict mode, finds nothing and is no error.
WITH parsed AS MATERIALIZED (
    SELECT v.id, convert_from(coalesce(i.body, v.body), 'UTF8')::jsonb AS document
    FROM unnest(%(event_ids)s::uuid[], %(bodies)s::bytea[]) AS i (id, body)
    JOIN hookpost_event v ON v.id = i.id
    WHERE v.id = ANY(%(event_ids)s::uuid[])
)
SELECT
    p.id AS event_id, c.place::int AS place, p.document @@ c.condition::jsonpath AS holds,
    jsonb_array_length(f.found) AS found_count,
    ARRAY(
        SELECT left(v.value::text, %(characters)s::int)
        FROM jsonb_array_elements(f.found) WITH ORDINALITY AS v (value, place)
        ORDER BY v.place LIMIT %(most)s::int
    ) AS found
FROM parsed p
CROSS JOIN unnest(%(conditions)s::text[], %(paths)s::text[]) WITH ORDINALITY AS c (condition, path, place)
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.path = '' THEN '[]'::jsonb
        ELSE jsonb_path_query_array(p.document, c.path::jsonpath, '{}', true) END AS found
) f
ORDER BY p.id, c.place
