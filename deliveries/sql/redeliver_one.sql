-- Queues one attempt of a delivery beside its schedule, unless one is under way.
-- delivery_id uuid, actor text, reason text
-- The primary key (delivery, manual) makes a double click send once; a scheduled attempt that is due now counts as under way.
WITH wanted AS (
    SELECT
        d.id, d.event_id, d.endpoint_id, l.slow,
        CASE
            WHEN e.deleted_at IS NOT NULL THEN 'endpoint_gone'
            WHEN v.id IS NULL THEN 'event_gone'
            WHEN v.erased_at IS NOT NULL THEN 'event_erased'
            WHEN EXISTS (
                SELECT FROM hookpost_due_delivery q
                WHERE q.delivery_id = d.id AND CASE WHEN NOT q.manual THEN q.due_at <= now() END
            ) AND e.state = 'enabled' AND coalesce(l.rest_until, now()) <= now() THEN 'under_way'
        END AS refused
    FROM hookpost_delivery d
    JOIN hookpost_endpoint e ON e.id = d.endpoint_id
    JOIN hookpost_lane l ON l.endpoint_id = d.endpoint_id
    LEFT JOIN hookpost_event v ON v.id = d.event_id
    WHERE d.id = %(delivery_id)s::uuid
), queued AS (
    INSERT INTO hookpost_due_delivery (
        delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor, reason
    )
    SELECT id, true, endpoint_id, event_id, 0, 0, now(), %(actor)s::text, %(reason)s::text
    FROM wanted WHERE refused IS NULL
    ON CONFLICT DO NOTHING
    RETURNING delivery_id
)
SELECT endpoint_id, slow,
    coalesce(refused, CASE WHEN NOT EXISTS (SELECT FROM queued) THEN 'waiting' END) AS refused
FROM wanted
