-- The latest alerts, with the endpoint that each is about, if any, and whose that is; what was given up one by one is not among them.
-- customer_id uuid (null: of all, and what is about no endpoint), since uuid (the smallest id), shown int
-- By the key of alerts. Names are looked up for what is shown alone.
SELECT a.kind, a.reason, a.created_at, a.mailed_at, a.mail_due_at, a.endpoint_id, a.url, a.is_deleted, c.name AS customer
FROM (
    SELECT n.id, n.kind, n.reason, n.created_at, n.mailed_at, n.mail_due_at,
        e.id AS endpoint_id, e.url, e.deleted_at IS NOT NULL AS is_deleted, e.customer_id
    FROM hookpost_alert n
    LEFT JOIN hookpost_endpoint e ON e.id = n.endpoint_id
    WHERE n.id >= %(since)s::uuid AND n.delivery_id IS NULL
        AND (%(customer_id)s::uuid IS NULL OR e.customer_id = %(customer_id)s::uuid)
    ORDER BY n.id DESC
    LIMIT %(shown)s::int
) a
LEFT JOIN LATERAL (SELECT name FROM hookpost_customer WHERE id = a.customer_id LIMIT 1) c ON true
ORDER BY a.id DESC
