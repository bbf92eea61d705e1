-- Deletes a bounded number of a customer's deliveries with their attempts and what is due of them.
-- customer_id uuid, batch int
-- One statement, so that no attempt outlives the delivery by which alone it can be found; repeated until it returns 0.
WITH chosen AS (
    SELECT id, endpoint_id FROM hookpost_delivery WHERE customer_id = %(customer_id)s::uuid ORDER BY id LIMIT %(batch)s::int
), attempts AS (
    DELETE FROM hookpost_attempt a USING chosen WHERE a.delivery_id = chosen.id
), due AS (
    DELETE FROM hookpost_due_delivery q USING chosen WHERE q.delivery_id = chosen.id
), alerts AS (
    DELETE FROM hookpost_alert a USING chosen WHERE a.delivery_id = chosen.id
), gone AS (
    DELETE FROM hookpost_delivery d USING chosen WHERE d.id = chosen.id
)
SELECT count(*)::int AS number, array_agg(DISTINCT endpoint_id) AS endpoint_ids FROM chosen
