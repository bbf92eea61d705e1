-- Deletes a bounded number of a customer's deliveries with their attempts, what is due of them, and what was counted of their endpoints.
-- customer_id uuid, through uuid (of endpoints up to there the other traces are gone), batch int
-- One statement, so that no attempt outlives the delivery by which alone it can be found; repeated until it returns 0. What is counted may come a minute after its attempt, so it is looked for with each batch.
WITH chosen AS MATERIALIZED (
    SELECT id, endpoint_id FROM hookpost_delivery
    WHERE customer_id = %(customer_id)s::uuid AND id <= %(through)s::uuid ORDER BY id LIMIT %(batch)s::int
), attempts AS (
    DELETE FROM hookpost_attempt a USING chosen WHERE a.delivery_id = chosen.id
), due AS (
    DELETE FROM hookpost_due_delivery q USING chosen WHERE q.delivery_id = chosen.id
), alerts AS (
    DELETE FROM hookpost_alert WHERE endpoint_id = ANY(ARRAY(SELECT DISTINCT endpoint_id FROM chosen))
), figures AS (
    DELETE FROM hookpost_endpoint_hour WHERE endpoint_id = ANY(ARRAY(SELECT DISTINCT endpoint_id FROM chosen))
), failures AS (
    DELETE FROM hookpost_failure_group WHERE endpoint_id = ANY(ARRAY(SELECT DISTINCT endpoint_id FROM chosen))
), gone AS (
    DELETE FROM hookpost_delivery d USING chosen WHERE d.id = chosen.id
)
SELECT count(*)::int AS number FROM chosen
