-- Leases those of the lanes that are free and have something due, with the first of it and all that sending needs to know.
-- endpoint_ids uuid[], worker_id uuid, lease_seconds float, silent_seconds float (the longest of all workers), gap_part float, slow bool, room int (deliveries for each lane), first int (as many come of an endpoint that takes few at once; of one with a rate a second's), whole_bytes int (larger bodies come later, by event_bodies, as do events of other days than the one asked for), timed bool (since when each is due; null if false)
-- One round trip for a lane, and no wait for the disk: a lease that a crash of the server undoes its worker makes again (record_outcomes, renew_leases), before others may lease anything (is_unbroken). A lane that changed after the snapshot is left alone (its fence tells), because the claim below would not see what its last worker recorded. Rows: `lane` first, then its deliveries, and `busy` for a lane with work in another worker's hands.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), seen AS MATERIALIZED (
    SELECT lane.endpoint_id, lane.fence, lane.lease_until, e.customer_id, {is_free} IS TRUE AND {is_unbroken} AS free
    FROM quick
    CROSS JOIN hookpost_lane lane
    JOIN hookpost_endpoint e ON e.id = lane.endpoint_id AND (e.deleted_at IS NULL) IS TRUE
    WHERE lane.endpoint_id = ANY(%(endpoint_ids)s::uuid[]) AND lane.slow = %(slow)s::bool AND {has_due}
), free AS (
    SELECT l.endpoint_id, l.lease_until IS NOT NULL AS lost, l.suspect_id AS suspected, s.customer_id
    FROM seen s
    JOIN hookpost_lane l ON l.endpoint_id = s.endpoint_id AND l.fence = s.fence
        AND l.lease_until IS NOT DISTINCT FROM s.lease_until
    WHERE s.free
    ORDER BY l.endpoint_id
    FOR UPDATE OF l SKIP LOCKED
), leased AS (
    UPDATE hookpost_lane l
    SET fence = l.fence + 1,
        lease_until = now() + make_interval(secs => %(lease_seconds)s::float8),
        worker_id = %(worker_id)s::uuid,
        crashes = l.crashes + free.lost::int,
        suspect_id = NULL  -- until it is sent again: what only waits in a worker has no part in its loss
    FROM free
    WHERE l.endpoint_id = free.endpoint_id
    RETURNING l.*, free.suspected, free.customer_id
)
SELECT
    'lane' AS kind, l.endpoint_id, l.customer_id, l.fence, l.crashes, l.suspected AS suspect_id, l.failures, l.opened,
    l.slow, l."window", l.tokens, extract(epoch FROM now() - l.tokens_at)::float8 AS tokens_age_seconds,
    coalesce(extract(epoch FROM l.rest_until - now())::float8, 0) AS rest_seconds, l.rest_reason,
    e.url, e.state, {sending_columns},
    NULL::uuid AS delivery_id, NULL::bool AS manual, NULL::uuid AS event_id, NULL::smallint AS rank,
    NULL::smallint AS attempts, NULL::text AS actor, NULL::text AS reason, NULL::text AS type,
    NULL::int AS body_bytes, NULL::bytea AS body, NULL::text AS trace_context, NULL::text AS api_version,
    NULL::float8 AS due_at
FROM leased l
JOIN hookpost_endpoint e ON e.id = l.endpoint_id
CROSS JOIN LATERAL ({valid_secrets}) secrets
UNION ALL
SELECT
    'delivery', lane.endpoint_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    d.delivery_id, d.manual, d.event_id, d.rank, d.attempts, d.actor, d.reason, v.type, v.body_bytes, v.body, v.trace_context, v.api_version,
    CASE WHEN %(timed)s::bool THEN extract(epoch FROM d.due_at)::float8 END
FROM (
    SELECT l.endpoint_id, 0 AS busy,
        e.state = 'enabled' AND (l.rest_until IS NULL OR l.rest_until <= now()) AS scheduled,
        CASE WHEN e.ordered AND e.set_aside_after IS NULL THEN 1 WHEN l.fence % 4 = 1 THEN 2 WHEN l.fence % 8 = 3 THEN 3 ELSE 1 END AS favour,
        -- After a lost worker, and to probe an endpoint that was down, one delivery goes alone.
        CASE WHEN l.crashes > 0 OR l.opened > 0 THEN 1
            ELSE least(%(room)s::int, greatest(%(first)s::int, 2 * e.max_in_flight), 1 + ceil(e.rate_limit)::int)
        END AS room
    FROM leased l JOIN hookpost_endpoint e ON e.id = l.endpoint_id
    OFFSET 0
) lane
CROSS JOIN LATERAL ({due_of_lane}) d
LEFT JOIN LATERAL (
    SELECT type, octet_length(body) AS body_bytes,
        CASE WHEN octet_length(body) <= %(whole_bytes)s::int THEN body END AS body, trace_context, api_version
    FROM hookpost_event WHERE id = d.event_id LIMIT 1
) v ON true
UNION ALL
SELECT
    'busy', endpoint_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM seen WHERE NOT free
