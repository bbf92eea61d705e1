-- Accepts one event of one customer, to be sent at once: what accept_events does, for an event that comes alone.
-- event_id uuid, customer uuid, customer_uid text (either), type, type_keys text (space separated), body bytea, emitter uuid, api_key uuid, trace_context text, tags text (space separated), api_version text: as the lists of accept_events; clock_tolerance_seconds float8, reject_unknown bool, endpoint_limit int: as there
-- All or nothing: no row where the event is refused, where one of the customer's endpoints has a filter or an order, or where it has more than endpoint_limit of them; accept_events does that, and what comes with an idempotency key, for later, in a version that mappings lead from, or for everyone. Most of a small statement's cost is its plan's nodes, so this one has a third of them.
WITH judged AS MATERIALIZED (
    SELECT i.*, m.made_at, c.customer_id
    FROM (
        SELECT %(event_id)s::uuid AS event_id, %(type)s::text AS type, %(type_keys)s::text AS type_keys, %(tags)s::text AS tags,
            %(customer_uid)s::text AS given_uid, %(emitter)s::uuid AS emitter_id, %(api_key)s::uuid AS api_key_id
    ) i
    CROSS JOIN LATERAL (SELECT {made_at} AS made_at) m
    CROSS JOIN LATERAL (
        SELECT id AS customer_id, moving FROM hookpost_customer
        WHERE id = coalesce(%(customer)s::uuid, (SELECT id FROM hookpost_customer WHERE uid = i.given_uid))
    ) c
    CROSS JOIN LATERAL ({type_of_event}) t
    WHERE {refusal} IS NULL
      AND (
        SELECT count(*) <= %(endpoint_limit)s::int AND NOT coalesce(bool_or(e.filter <> '' OR e.ordered), false)
        FROM (
            SELECT filter, ordered FROM hookpost_endpoint WHERE customer_id = c.customer_id AND deleted_at IS NULL
            LIMIT %(endpoint_limit)s::int + 1
        ) e
      )
), matched AS MATERIALIZED (
    SELECT i.event_id, i.customer_id, i.type, i.made_at, e.id AS endpoint_id, {is_held} AS held, {delivery_id} AS delivery_id,
        (SELECT slow FROM hookpost_lane WHERE endpoint_id = e.id) AS slow
    FROM judged i
    CROSS JOIN LATERAL (
        SELECT id, state, ordered, draining, event_types, tags FROM hookpost_endpoint
        WHERE customer_id = i.customer_id AND deleted_at IS NULL
        OFFSET 0
    ) e
    WHERE {wants_type}
), new_event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at, trace_context, tags, api_version)
    SELECT event_id, customer_id, type, %(body)s::bytea, made_at, %(trace_context)s::text, string_to_array(tags, ' '),
        %(api_version)s::text
    FROM judged
), new_delivery AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT
        delivery_id, event_id, endpoint_id, customer_id, type, CASE WHEN held THEN 'held' ELSE 'pending' END, 0, '',
        made_at, CASE WHEN NOT held THEN now() END
    FROM matched
), new_due AS (
    INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
    SELECT delivery_id, false, endpoint_id, event_id, 1, 0, CASE WHEN NOT held THEN now() END, ''
    FROM matched
)
SELECT
    event_id, NULL::text AS refused, (SELECT count(*)::int FROM matched) AS deliveries, false AS pending, true AS accepted,
    ARRAY(SELECT endpoint_id FROM matched WHERE NOT held AND NOT slow) AS wake,
    ARRAY(SELECT endpoint_id FROM matched WHERE NOT held AND slow) AS wake_slow,
    extract(epoch FROM clock_timestamp())::float8 AS database_time
FROM judged
