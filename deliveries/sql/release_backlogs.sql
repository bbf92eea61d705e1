-- Makes held deliveries of resumed endpoints due again, oldest first, at most a second's worth each.
-- rate int
-- What drains nobody knows of is found by find_leftovers.sql. An endpoint of which somebody keeps a row locked waits until it is free, in order; no other one waits for it.
WITH picked AS (
    SELECT e.id AS endpoint_id, e.customer_id, q.delivery_id
    FROM ({draining}) e
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
    WHERE e.state = 'enabled' AND e.deleted_at IS NULL
), due AS (
    SELECT p.* FROM picked p CROSS JOIN LATERAL (
        SELECT FROM hookpost_due_delivery q WHERE q.delivery_id = p.delivery_id AND q.manual IS NOT TRUE
        FOR UPDATE SKIP LOCKED
    ) q
), free AS (
    SELECT due.delivery_id AS id FROM due CROSS JOIN LATERAL (
        SELECT FROM hookpost_delivery d
        WHERE d.id = due.delivery_id AND d.endpoint_id = due.endpoint_id AND d.customer_id = due.customer_id
        FOR UPDATE SKIP LOCKED
    ) d
), locked AS (
    SELECT p.endpoint_id FROM picked p
    WHERE p.delivery_id NOT IN (SELECT delivery_id FROM due) OR EXISTS (
        SELECT FROM hookpost_delivery d
        WHERE d.id = p.delivery_id AND d.endpoint_id = p.endpoint_id AND d.customer_id = p.customer_id
          AND d.id NOT IN (SELECT id FROM free)
    )
), released AS (
    SELECT delivery_id FROM picked WHERE endpoint_id NOT IN (SELECT endpoint_id FROM locked)
), moved AS (
    UPDATE hookpost_due_delivery q SET due_at = now()
    WHERE q.delivery_id = ANY(ARRAY(SELECT delivery_id FROM released)) AND q.manual IS NOT TRUE
), empty AS (
    SELECT e.id FROM ({draining}) known CROSS JOIN LATERAL (
        SELECT id FROM hookpost_endpoint
        WHERE id = known.id AND draining AND state = 'enabled' AND NOT EXISTS (
            SELECT FROM hookpost_due_delivery q
            WHERE q.endpoint_id = known.id AND q.rank IN (1, 2) AND q.due_at IS NULL
            OFFSET 0
        )
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    ) e
), drained AS (
    UPDATE hookpost_endpoint e SET draining = false WHERE e.id = ANY(ARRAY(SELECT id FROM empty))
)
UPDATE hookpost_delivery d SET state = 'pending', next_attempt_at = now()
FROM released WHERE d.id = released.delivery_id AND d.state = 'held'
RETURNING d.id
