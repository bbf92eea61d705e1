-- Failure groups of endpoints that are still there: what nobody knows of, then what somebody does, then what is over; of each those that failed last first.
-- customer_id uuid and endpoint_id uuid (null: of all), since timestamptz (no older failure), over_before timestamptz and over_seconds int (for how long nothing has failed where a group is over), newest int (how many to look at), living int (how many of them whose endpoint is there), shown int
-- The newest are put in their order before anything is joined to them, which is dear. Where an endpoint was stopped right after the last failure, by a 410 or by somebody, the silence says nothing.
SELECT f.id, f.endpoint_id, f.customer_id, f.error, f.status_code, f.first_at, f.last_at, f.deliveries, f.is_known, f.is_over,
    f.url, c.name AS customer, l.failing_since
FROM (
    SELECT g.*, e.customer_id, e.url, g.last_at < %(over_before)s::timestamptz
        AND NOT (e.state <> 'enabled' AND e.state_changed_at < g.last_at + %(over_seconds)s::int * interval '1 second')
        AND EXISTS (
            SELECT FROM hookpost_endpoint_hour h
            WHERE h.endpoint_id = g.endpoint_id AND h.error = '' AND h.hour > g.last_at - interval '1 hour'
                AND h.last_at > g.last_at
        ) AS is_over
    FROM (
        SELECT id, endpoint_id, error, status_code, first_at, last_at, deliveries, acknowledged_at IS NOT NULL AS is_known
        FROM hookpost_failure_group
        WHERE last_at > %(since)s::timestamptz
            AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
            AND (%(endpoint_id)s::uuid IS NULL OR endpoint_id = %(endpoint_id)s::uuid)
        ORDER BY last_at DESC, id DESC
        LIMIT %(newest)s::int
    ) g
    CROSS JOIN LATERAL (
        SELECT customer_id, url, state, state_changed_at FROM hookpost_endpoint
        WHERE id = g.endpoint_id AND (deleted_at IS NULL) IS TRUE
        LIMIT 1
    ) e
    LIMIT %(living)s::int
) f
CROSS JOIN LATERAL (SELECT name FROM hookpost_customer WHERE id = f.customer_id LIMIT 1) c
LEFT JOIN LATERAL (SELECT failing_since FROM hookpost_lane WHERE endpoint_id = f.endpoint_id LIMIT 1) l ON true
ORDER BY f.is_over, f.is_known AND NOT f.is_over, f.last_at DESC, f.id DESC
LIMIT %(shown)s::int
