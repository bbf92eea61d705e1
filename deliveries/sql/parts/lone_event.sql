-- An event that comes alone, and the deliveries that it has: of one customer, to be sent at once.
-- event_id uuid, customer uuid, customer_uid text (either), type, type_keys text (space separated), emitter uuid, api_key uuid, tags text (space separated): as the lists of accept_events; clock_tolerance_seconds float8, reject_unknown bool, endpoint_limit int: as there
-- No row in `judged` where the event is refused, where one of the customer's endpoints has a filter or an order, or where it has more than endpoint_limit of them.
judged AS MATERIALIZED (
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
)
