-- The endpoints that were paused or disabled last, and whose they are.
-- customer_id uuid (null: of all), shown int
-- By the index of the few that are stopped; names are looked up for what is shown alone.
SELECT s.id, s.url, s.state, s.state_reason, s.state_changed_at, c.name AS customer
FROM (
    SELECT id, url, state, state_reason, state_changed_at, customer_id
    FROM hookpost_endpoint
    WHERE deleted_at IS NULL AND state IN ('paused', 'disabled')
        AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
    ORDER BY state_changed_at DESC, id DESC
    LIMIT %(shown)s::int
) s
CROSS JOIN LATERAL (SELECT name FROM hookpost_customer WHERE id = s.customer_id LIMIT 1) c
ORDER BY s.state_changed_at DESC, s.id DESC
