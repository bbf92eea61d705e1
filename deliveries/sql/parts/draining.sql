-- The endpoints whose held deliveries are released, however many others there are.
-- no parameters
-- In the order of the one index that has these alone, as in not_enabled.sql.
SELECT id, customer_id, state, deleted_at, rate_limit FROM hookpost_endpoint WHERE draining ORDER BY state, id OFFSET 0
