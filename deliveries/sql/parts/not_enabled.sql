-- The endpoints that are paused or disabled, however many others there are.
-- no parameters
-- In the order of the one index that has these alone: without it PostgreSQL could read all endpoints to find that there are none.
SELECT id, customer_id FROM hookpost_endpoint WHERE state IN ('paused', 'disabled') AND deleted_at IS NULL
ORDER BY state, id OFFSET 0
