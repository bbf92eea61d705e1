-- The deliveries given up last, with where they went and whose they are.
-- customer_id uuid (null: of all), since uuid and until uuid (bounds of their ids), shown int
-- By the index of what failed. Endpoints and names are looked up for what is shown alone, by their keys.
SELECT d.id, d.event_type, d.status_code, d.error, d.failed_at, e.url, c.name AS customer
FROM (
    SELECT id, endpoint_id, customer_id, event_type, status_code, error, failed_at
    FROM hookpost_delivery
    WHERE id >= %(since)s::uuid AND id < %(until)s::uuid AND failed_at IS NOT NULL AND state = 'exhausted'
        AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
    ORDER BY id DESC
    LIMIT %(shown)s::int
) d
CROSS JOIN LATERAL (SELECT url FROM hookpost_endpoint WHERE id = d.endpoint_id LIMIT 1) e
CROSS JOIN LATERAL (SELECT name FROM hookpost_customer WHERE id = d.customer_id LIMIT 1) c
ORDER BY d.id DESC
