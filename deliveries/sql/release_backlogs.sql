-- Makes held deliveries of resumed endpoints due again, oldest first, at most a second's worth each.
-- rate int, every_lane bool (look at all enabled endpoints, not only at those known to drain)
-- An event accepted at the very moment of a resume may be held although nothing drains any more: hence every_lane. An endpoint of which somebody keeps a row locked waits until it is free, in order; no other one waits for it.
WITH picked AS (
    SELECT e.id AS endpoint_id, q.delivery_id
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
), due AS (
    SELECT q.delivery_id FROM picked JOIN hookpost_due_delivery q USING (delivery_id)
    WHERE NOT q.manual
    FOR UPDATE OF q SKIP LOCKED
), free AS (
    SELECT d.id FROM due JOIN hookpost_delivery d ON d.id = due.delivery_id
    FOR UPDATE OF d SKIP LOCKED
), locked AS (
    SELECT p.endpoint_id FROM picked p
    WHERE p.delivery_id NOT IN (SELECT delivery_id FROM due) OR EXISTS (
        SELECT FROM hookpost_delivery d WHERE d.id = p.delivery_id AND d.id NOT IN (SELECT id FROM free)
    )
), released AS (
    SELECT delivery_id FROM picked WHERE endpoint_id NOT IN (SELECT endpoint_id FROM locked)
), moved AS (
    UPDATE hookpost_due_delivery q SET due_at = now()
    FROM released WHERE q.delivery_id = released.delivery_id AND NOT q.manual
), empty AS (
    SELECT e.id FROM hookpost_endpoint e
    WHERE e.draining AND e.state = 'enabled' AND NOT EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = e.id AND q.rank IN (1, 2) AND q.due_at IS NULL
    )
    FOR NO KEY UPDATE SKIP LOCKED
), drained AS (
    UPDATE hookpost_endpoint e SET draining = false FROM empty WHERE e.id = empty.id
)
UPDATE hookpost_delivery d SET state = 'pending', next_attempt_at = now()
FROM released WHERE d.id = released.delivery_id AND d.state = 'held'
RETURNING d.id
