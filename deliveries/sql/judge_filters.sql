-- Which of these endpoints want an event, by their filters.
-- event_id uuid, endpoint_ids uuid[], body bytea or null (what they look at instead of the stored one)
-- Apart from every statement that writes, so that it may be given up. The body is parsed once.
WITH parsed AS MATERIALIZED (
    SELECT convert_from(coalesce(%(body)s::bytea, body), 'UTF8')::jsonb AS document FROM hookpost_event WHERE id = %(event_id)s::uuid
)
SELECT e.id AS endpoint_id
FROM parsed CROSS JOIN hookpost_endpoint e
WHERE e.id = ANY(%(endpoint_ids)s::uuid[]) AND e.filter <> '' AND parsed.document @@ e.filter::jsonpath
