-- What an installation of the previous release (migration 0016) may hold: one customer, two endpoints, three events.
-- Parameters: every id, sealed value and hash; the test makes them as that release did.
-- Written out, because no code of today may have a hand in it.
INSERT INTO hookpost_customer (id, uid, name, metadata, created_at, updated_at)
VALUES (%(customer)s, 'acme', 'Acme Ltd', '{"plan": "gold"}', now() - interval '90 days', now());

INSERT INTO hookpost_api_key (id, name, hint, hashed, scopes, created_at)
VALUES (%(api_key)s, 'billing', 'xxxx', %(hashed)s, '{events:write,read,manage,deliveries:redeliver}', now());

INSERT INTO hookpost_event_type (id, name, description, validation, archived, created_at, updated_at)
VALUES (%(event_type)s, 'invoice.paid', 'An invoice was paid.', 'off', false, now(), now());

INSERT INTO hookpost_endpoint (
    id, customer_id, uid, url, description, event_types, filter, headers_sealed, header_names, signing, payload_mode,
    max_in_flight, timeout_seconds, ordered, state, state_reason, state_changed_at, draining, created_at, updated_at
) VALUES
    (%(shop)s, %(customer)s, 'shop', %(url)s || '/shop', '', '{invoice.*}', '', %(headers)s, '{x-token}', 'standard',
     'full', 10, 15, false, 'enabled', '', now(), false, now(), now()),
    (%(paused)s, %(customer)s, 'paused', %(url)s || '/paused', '', '{}', '', NULL, '{}', 'github',
     'full', 10, 15, false, 'paused', 'a change of theirs', now(), false, now(), now());

INSERT INTO hookpost_endpoint_secret (id, endpoint_id, sealed, hint, created_at)
VALUES
    (%(shop_secret)s, %(shop)s, %(shop_sealed)s, 'xxxx', now()),
    (%(paused_secret)s, %(paused)s, %(paused_sealed)s, 'xxxx', now());

INSERT INTO hookpost_lane (endpoint_id, fence, crashes, failures, opened, failing_since, tokens, tokens_at, slow)
VALUES
    (%(shop)s, 7, 0, 1, 0, now() - interval '1 hour', 1, now(), false),
    (%(paused)s, 3, 0, 0, 0, NULL, 1, now(), true);

INSERT INTO hookpost_event (id, customer_id, created_at, type, body)
VALUES
    (%(done)s, %(customer)s, now(), 'invoice.paid', %(body)s),
    (%(dead)s, %(customer)s, now(), 'invoice.paid', %(body)s),
    (%(due)s, %(customer)s, now(), 'invoice.paid', %(body)s);

INSERT INTO hookpost_delivery (
    id, event_id, endpoint_id, customer_id, created_at, next_attempt_at, finished_at, failed_at, attempts, status_code,
    event_type, state, error
) VALUES
    (%(done_at_shop)s, %(done)s, %(shop)s, %(customer)s, now(), NULL, now(), NULL, 1, 200, 'invoice.paid', 'succeeded', ''),
    (%(dead_at_shop)s, %(dead)s, %(shop)s, %(customer)s, now(), NULL, now(), now(), 12, 500, 'invoice.paid', 'exhausted', 'http_5xx'),
    (%(due_at_shop)s, %(due)s, %(shop)s, %(customer)s, now(), now(), NULL, now(), 1, 503, 'invoice.paid', 'pending', 'http_5xx'),
    (%(due_at_paused)s, %(due)s, %(paused)s, %(customer)s, now(), NULL, NULL, NULL, 0, NULL, 'invoice.paid', 'held', '');

INSERT INTO hookpost_attempt (
    id, delivery_id, endpoint_id, started_at, duration_ms, number, status_code, truncated, actor, error, detail, address,
    response_headers, response_body
) VALUES
    (%(attempt)s, %(done_at_shop)s, %(shop)s, now(), 31, 1, 200, false, '', '', '', '192.0.2.7', 'server: shop', 'thanks'),
    (%(failed_attempt)s, %(due_at_shop)s, %(shop)s, now(), 8, 1, 503, false, '', 'http_5xx', '', '192.0.2.7', '', '');

INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
VALUES
    (%(due_at_shop)s, false, %(shop)s, %(due)s, 1, 1, now(), ''),
    (%(due_at_paused)s, false, %(paused)s, %(due)s, 1, 0, NULL, '');

INSERT INTO hookpost_idempotency_key (owner_id, key, fingerprint, event_id, deliveries, created_at)
VALUES (%(api_key)s, 'order-17', %(fingerprint)s, %(done)s, 1, now());

INSERT INTO hookpost_job (id, kind, state, filters, actor, reason, total, queued, done, failed, customer_id, created_at)
VALUES (%(job)s, 'redeliver', 'pending', '{"states": ["exhausted"]}', 'key:billing', 'their outage', 1, 0, 0, 0, %(customer)s, now());

INSERT INTO hookpost_audit_entry (id, at, actor, action, target, reason, detail, customer_id)
VALUES (%(audit)s, now(), 'key:billing', 'endpoint.pause', 'ep_x', 'a change of theirs', '{}', %(customer)s);

INSERT INTO hookpost_alert (id, kind, since, reason, created_at, told_at, endpoint_id)
VALUES (%(alert)s, 'failing', now() - interval '1 day', '', now(), now(), %(shop)s);
