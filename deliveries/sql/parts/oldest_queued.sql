-- What has been due longest in each rank of the endpoints of `scan`, and what it waits for.
-- scan (endpoint_id)
-- One index probe for each rank of each endpoint.
oldest AS (
    SELECT
        rank > 0 AND l.state <> 'enabled' AS held,
        rank > 0 AND coalesce(l.rest_until > now(), false) AS resting,
        coalesce(l.lease_until > now(), false) AS leased,
        l.url = 'https://poll.hookpost.invalid/' AS polled,  -- waits for its poller, and for no worker
        q.due_at,
        CASE WHEN rank > 0 THEN greatest(q.due_at, l.rest_until, l.state_changed_at) ELSE q.due_at END AS ready_at
    FROM scan
    CROSS JOIN LATERAL (
        SELECT lane.endpoint_id, lane.rest_until, lane.lease_until, e.state, e.url, e.state_changed_at
        FROM hookpost_lane lane JOIN hookpost_endpoint e ON e.id = lane.endpoint_id AND (e.deleted_at IS NULL) IS TRUE
        WHERE lane.endpoint_id = scan.endpoint_id
        LIMIT 1
    ) l
    CROSS JOIN (VALUES (0), (1), (2), (3)) AS ranks (rank)
    CROSS JOIN LATERAL (
        SELECT due_at FROM hookpost_due_delivery
        WHERE endpoint_id = l.endpoint_id AND hookpost_due_delivery.rank = ranks.rank AND due_at <= now()
        ORDER BY due_at LIMIT 1
    ) q
)
