-- The bodies of events whose turn to be sent has come.
-- ids uuid[]
-- Apart from the claim, so that large bodies are in memory only as far as the budget of bytes allows, and once for all endpoints.
SELECT v.id, v.body
FROM unnest(%(ids)s::uuid[]) AS i (id)
CROSS JOIN LATERAL (SELECT id, body FROM hookpost_event WHERE id = i.id LIMIT 1) v
