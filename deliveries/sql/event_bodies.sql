-- Types and bodies of events whose turn to be sent has come.
-- ids uuid[]
-- Apart from the claim, which looks at one day: so that large bodies are in memory only as far as the budget of bytes allows, and once for all endpoints.
SELECT v.id, v.type, v.body, v.trace_context, v.api_version
FROM unnest(%(ids)s::uuid[]) AS i (id)
CROSS JOIN LATERAL (SELECT id, type, body, trace_context, api_version FROM hookpost_event WHERE id = i.id LIMIT 1) v
