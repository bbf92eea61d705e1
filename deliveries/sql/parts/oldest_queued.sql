-- What of `scan` is due, and what it waits for.
-- scan (endpoint_id, rank, due_at)
-- One look at the lane and the endpoint of each.
oldest AS (
    SELECT
        rank > 0 AND l.state <> 'enabled' AS held,
        rank > 0 AND coalesce(l.rest_until > now(), false) AS resting,
        coalesce(l.lease_until > now(), false) AS leased,
        l.url = 'https://poll.hookpost.invalid/' AS polled,  -- waits for its poller, and for no worker
        scan.due_at,
        CASE WHEN rank > 0 THEN greatest(scan.due_at, l.rest_until, l.state_changed_at) ELSE scan.due_at END AS ready_at
    FROM scan
    CROSS JOIN LATERAL (
        SELECT lane.rest_until, lane.lease_until, e.state, e.url, e.state_changed_at
        FROM hookpost_lane lane JOIN hookpost_endpoint e ON e.id = lane.endpoint_id AND (e.deleted_at IS NULL) IS TRUE
        WHERE lane.endpoint_id = scan.endpoint_id
        LIMIT 1
    ) l
    WHERE scan.due_at <= now()
)
