-- Takes the oldest open fan-out of each customer, those whose turn was longest ago first.
-- limit int, lease_seconds float
-- One of each customer, so that nobody's large ones delay another's, and a customer's events keep their order. Of two who choose the same row one finds it taken when it locks it. No wait for the disk, which accepted events wait for: a lease that a crash of the server undoes is nobody's. One that ends later than any can was made before the database's clock was set back, and is over.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), oldest AS (
    SELECT DISTINCT ON (coalesce(customer_id, event_id)) event_id, lease_until, turn_at
    FROM hookpost_fan_out
    ORDER BY coalesce(customer_id, event_id), event_id
), chosen AS (
    SELECT event_id FROM oldest WHERE lease_until IS NULL
        OR lease_until NOT BETWEEN now() AND now() + 2 * make_interval(secs => %(lease_seconds)s::float8)
    ORDER BY turn_at, event_id LIMIT %(limit)s::int
)
UPDATE hookpost_fan_out f
SET lease_until = now() + make_interval(secs => %(lease_seconds)s::float8), turn_at = now()
FROM chosen c CROSS JOIN quick
WHERE f.event_id = c.event_id AND (
    f.lease_until IS NULL
    OR f.lease_until NOT BETWEEN now() AND now() + 2 * make_interval(secs => %(lease_seconds)s::float8)
)
RETURNING f.event_id, f.customer_id, f.after_id, f.filter_ms
