-- Makes the deliveries that an endpoint never had of these events, takes up those cancelled unsent, and queues both after all live traffic.
-- event_ids uuid[] (as replayable.sql found them), endpoint_id uuid, job_id uuid
-- The ids are of this moment, because lists show and find a delivery by the time in its id. Nothing but the look for one that exists keeps it the only one of event and endpoint: whoever runs this holds the endpoint's replay lock (lock_replays.sql).
WITH wanted AS (
    SELECT v.id AS event_id, v.type, e.customer_id, e.id AS endpoint_id, e.state <> 'enabled' AS held,
        md5(v.id::text || e.id::text) AS h, t.prefix,
        (substr(v.id::text, 1, 13) || '-0000-0000-000000000000')::uuid AS oldest
    FROM unnest(%(event_ids)s::uuid[]) AS i (id)
    JOIN hookpost_event v ON v.id = i.id AND v.erased_at IS NULL
    JOIN hookpost_endpoint e ON e.id = %(endpoint_id)s::uuid AND e.deleted_at IS NULL
        AND v.customer_id IN (e.customer_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')  -- models.log.EVERYONES
    CROSS JOIN LATERAL (
        SELECT greatest(  -- no delivery is older than its event, however the clocks of hosts differ
            lpad(to_hex(floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint), 12, '0'),
            translate(left(v.id::text, 13), '-', '')
        ) COLLATE "C" AS prefix
    ) t
), taken_up AS (
    UPDATE hookpost_delivery d
    SET state = CASE WHEN w.held THEN 'held' ELSE 'pending' END,
        next_attempt_at = CASE WHEN w.held THEN NULL ELSE now() END,
        finished_at = NULL, error = ''
    FROM wanted w
    WHERE d.event_id = w.event_id AND d.endpoint_id = w.endpoint_id AND d.id >= w.oldest
      AND d.state = 'cancelled' AND d.attempts = 0
    RETURNING d.id, d.event_id, d.endpoint_id, d.state
), made AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT
        (substr(prefix, 1, 8) || '-' || substr(prefix, 9) || '-7' || substr(h, 1, 3) || '-a' || substr(h, 4, 3)
            || '-' || substr(h, 7, 12))::uuid,
        event_id, endpoint_id, customer_id, type, CASE WHEN held THEN 'held' ELSE 'pending' END, 0, '',
        to_timestamp(('x' || prefix)::bit(48)::bigint / 1000.0), CASE WHEN held THEN NULL ELSE now() END
    FROM wanted w
    WHERE NOT EXISTS (
        SELECT FROM hookpost_delivery d
        WHERE d.event_id = w.event_id AND d.endpoint_id = w.endpoint_id AND d.id >= w.oldest
    )
    RETURNING id, event_id, endpoint_id, state
), queued AS (
    INSERT INTO hookpost_due_delivery (
        delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor, job_id
    )
    SELECT id, false, endpoint_id, event_id, CASE WHEN state = 'held' THEN 2 ELSE 3 END, 0,
        CASE WHEN state = 'held' THEN NULL ELSE now() END, '', %(job_id)s::uuid
    FROM (SELECT * FROM made UNION ALL SELECT * FROM taken_up) unsent
    ON CONFLICT DO NOTHING
    RETURNING endpoint_id
)
SELECT q.endpoint_id, l.slow, count(*)::int AS queued
FROM queued q JOIN hookpost_lane l ON l.endpoint_id = q.endpoint_id
GROUP BY 1, 2
