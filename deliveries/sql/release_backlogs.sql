-- Makes held deliveries of resumed endpoints due again, oldest first, at most a second's worth each.
-- rate int, every_lane bool (look at all enabled endpoints, not only at those known to drain)
-- An event accepted at the very moment of a resume may be held although nothing drains any more: hence every_lane.
WITH picked AS (
    SELECT q.delivery_id
    FROM hookpost_endpoint e
    CROSS JOIN LATERAL (
        (SELECT delivery_id, event_id FROM hookpost_due_delivery
         WHERE endpoint_id = e.id AND rank = 1 AND due_at IS NULL
         ORDER BY event_id LIMIT least(%(rate)s::int, e.rate_limit))
        UNION ALL
        (SELECT delivery_id, event_id FROM hookpost_due_delivery
         WHERE endpoint_id = e.id AND rank = 2 AND due_at IS NULL
         ORDER BY event_id LIMIT least(%(rate)s::int, e.rate_limit))
        ORDER BY event_id LIMIT least(%(rate)s::int, e.rate_limit)
    ) q
    WHERE e.state = 'enabled' AND e.deleted_at IS NULL AND (e.draining OR %(every_lane)s::bool)
), moved AS (
    UPDATE hookpost_due_delivery q SET due_at = now()
    FROM picked WHERE q.delivery_id = picked.delivery_id AND NOT q.manual
), drained AS (
    UPDATE hookpost_endpoint e SET draining = false
    WHERE e.draining AND e.state = 'enabled' AND NOT EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = e.id AND q.rank IN (1, 2) AND q.due_at IS NULL
    )
)
UPDATE hookpost_delivery d SET state = 'pending', next_attempt_at = now()
FROM picked WHERE d.id = picked.delivery_id AND d.state = 'held'
RETURNING d.id
