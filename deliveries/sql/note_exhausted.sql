-- Notes deliveries that were given up: a row each for the customer's operational events, if an endpoint asks for them, and one for the mail.
-- ids uuid[], endpoint_ids uuid[], delivery_ids uuid[] (null: the row for the mail, one for each endpoint), keys text[] (what an endpoint may have chosen to hear of it)
-- The mail is one for an endpoint and day, also when two workers note at the same moment. Who asks is looked for once a customer: it may have many endpoints, and many deliveries end together.
WITH given AS (
    SELECT i.id, i.endpoint_id, i.delivery_id, e.customer_id
    FROM unnest(%(ids)s::uuid[], %(endpoint_ids)s::uuid[], %(delivery_ids)s::uuid[]) AS i (id, endpoint_id, delivery_id)
    JOIN hookpost_endpoint e ON e.id = i.endpoint_id
), asking AS MATERIALIZED (
    SELECT c.customer_id
    FROM (SELECT DISTINCT customer_id FROM given) c
    WHERE EXISTS (
        SELECT FROM hookpost_endpoint s
        WHERE s.customer_id = c.customer_id AND s.deleted_at IS NULL AND s.event_types && %(keys)s::text[]::varchar[]
    )
)
INSERT INTO hookpost_alert (id, kind, endpoint_id, delivery_id, since, reason, created_at, told_at, mail_due_at)
SELECT
    g.id, 'delivery.exhausted', g.endpoint_id, g.delivery_id,
    CASE WHEN g.delivery_id IS NULL THEN date_trunc('day', now(), 'UTC') ELSE now() END, '', now(),
    CASE WHEN g.delivery_id IS NULL THEN now() END, CASE WHEN g.delivery_id IS NULL THEN now() END
FROM given g
WHERE CASE
    WHEN g.delivery_id IS NOT NULL THEN g.customer_id IN (SELECT customer_id FROM asking)
    ELSE NOT EXISTS (
        SELECT FROM hookpost_alert a
        WHERE a.endpoint_id = g.endpoint_id AND a.kind = 'delivery.exhausted' AND a.delivery_id IS NULL
          AND a.created_at > now() - interval '24 hours'
    )
END
ON CONFLICT DO NOTHING
