-- Accepts events: idempotency keys, event rows, fan-out to matching endpoints, due deliveries. All or nothing.
-- ids uuid[], customers uuid[], types text[], type_keys text[] (space separated), bodies bytea[], moments timestamptz[],
-- One statement, because accepted must mean durable in one round trip; a key that is already taken inserts nothing.
--   owners uuid[], keys text[] (null: no Idempotency-Key), fingerprints bytea[], api_keys uuid[] (null: caller is trusted), only_endpoint uuid or null
WITH input AS (
    SELECT i.*
    FROM unnest(
        %(ids)s::uuid[], %(customers)s::uuid[], %(types)s::text[], %(type_keys)s::text[], %(bodies)s::bytea[],
        %(owners)s::uuid[], %(keys)s::text[], %(fingerprints)s::bytea[], %(api_keys)s::uuid[]
    ) AS i (event_id, customer_id, type, type_keys, body, owner_id, key, fingerprint, api_key_id)
    WHERE i.api_key_id IS NULL OR EXISTS (
        SELECT FROM hookpost_api_key k
        WHERE k.id = i.api_key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    )
), matched AS (
    SELECT
        i.event_id, i.customer_id, i.type, e.id AS endpoint_id, l.slow,
        e.state <> 'enabled' OR (e.ordered AND e.draining) AS held,
        md5(i.event_id::text || e.id::text) AS h
    FROM input i
    JOIN hookpost_endpoint e ON e.customer_id = i.customer_id AND e.deleted_at IS NULL
    JOIN hookpost_lane l ON l.endpoint_id = e.id
    WHERE (%(only_endpoint)s::uuid IS NULL OR e.id = %(only_endpoint)s::uuid)
      AND (
        %(only_endpoint)s::uuid IS NOT NULL
        OR (
            (cardinality(e.event_types) = 0 OR e.event_types && string_to_array(i.type_keys, ' ')::varchar[])
            AND CASE WHEN e.filter = '' THEN true
                ELSE coalesce(convert_from(i.body, 'UTF8')::jsonb @@ e.filter::jsonpath, false) END
        )
      )
), counted AS (
    SELECT i.event_id, count(m.endpoint_id)::int AS deliveries
    FROM input i LEFT JOIN matched m USING (event_id)
    GROUP BY i.event_id
), key_taken AS (
    INSERT INTO hookpost_idempotency_key (owner_id, key, fingerprint, event_id, deliveries, created_at)
    SELECT i.owner_id, i.key, i.fingerprint, i.event_id, c.deliveries, now()
    FROM input i JOIN counted c USING (event_id)
    WHERE i.key IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING event_id
), accepted AS (
    SELECT i.*, c.deliveries
    FROM input i JOIN counted c USING (event_id)
    WHERE i.key IS NULL OR i.event_id IN (SELECT event_id FROM key_taken)
), new_event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at)
    SELECT event_id, customer_id, type, body, now() FROM accepted
), fanned_out AS (
    SELECT
        m.*,
        (substr(m.event_id::text, 1, 13) || '-7' || substr(m.h, 1, 3) || '-a' || substr(m.h, 4, 3) || '-'
            || substr(m.h, 7, 12))::uuid AS delivery_id
    FROM matched m JOIN accepted USING (event_id)
), new_delivery AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT
        delivery_id, event_id, endpoint_id, customer_id, type, CASE WHEN held THEN 'held' ELSE 'pending' END, 0, '',
        now(), CASE WHEN held THEN NULL ELSE now() END
    FROM fanned_out
), new_due AS (
    INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
    SELECT delivery_id, false, endpoint_id, event_id, 1, 0, CASE WHEN held THEN 'infinity' ELSE now() END, ''
    FROM fanned_out
)
SELECT
    a.event_id, a.deliveries,
    coalesce((
        SELECT array_agg(f.endpoint_id) FROM fanned_out f WHERE f.event_id = a.event_id AND NOT f.held AND NOT f.slow
    ), '{}') AS wake,
    coalesce((
        SELECT array_agg(f.endpoint_id) FROM fanned_out f WHERE f.event_id = a.event_id AND NOT f.held AND f.slow
    ), '{}') AS wake_slow
FROM accepted a
