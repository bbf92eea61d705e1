-- What is stored of an event that comes alone, and of its deliveries.
-- accepted (of `judged` in lone_event.sql: the event, or no row), fanned_out (of `matched` there), body bytea, trace_context text, api_version text
-- The caller names both, because what comes with an idempotency key is stored only where the key was taken.
new_event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at, trace_context, tags, api_version)
    SELECT event_id, customer_id, type, %(body)s::bytea, made_at, %(trace_context)s::text, string_to_array(tags, ' '),
        %(api_version)s::text
    FROM accepted
), new_delivery AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT
        delivery_id, event_id, endpoint_id, customer_id, type, CASE WHEN held THEN 'held' ELSE 'pending' END, 0, '',
        made_at, CASE WHEN NOT held THEN now() END
    FROM fanned_out
), new_due AS (
    INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
    SELECT delivery_id, false, endpoint_id, event_id, 1, 0, CASE WHEN NOT held THEN now() END, ''
    FROM fanned_out
)
