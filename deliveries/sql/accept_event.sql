-- Accepts one event of one customer, to be sent at once: what accept_events does, for an event that comes alone.
-- as parts/lone_event.sql and parts/lone_rows.sql have it
-- All or nothing: no row where the event is refused, where one of the customer's endpoints has a filter or an order, or where it has more than endpoint_limit of them; accept_events does that, and what comes for later, in a version that mappings lead from, or for everyone. Most of a small statement's cost is its plan's nodes, so this one has a third of them; what comes with an idempotency key takes accept_keyed_event, which has a few more.
WITH {lone_event}, accepted AS NOT MATERIALIZED (
    SELECT * FROM judged
), fanned_out AS NOT MATERIALIZED (
    SELECT * FROM matched
), {lone_rows}
SELECT
    event_id, NULL::text AS refused, (SELECT count(*)::int FROM matched) AS deliveries, false AS pending, true AS accepted,
    ARRAY(SELECT endpoint_id FROM matched WHERE NOT held AND NOT slow) AS wake,
    ARRAY(SELECT endpoint_id FROM matched WHERE NOT held AND slow) AS wake_slow,
    extract(epoch FROM clock_timestamp())::float8 AS database_time
FROM judged
