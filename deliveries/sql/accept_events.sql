-- Accepts events: judges the caller, takes idempotency keys, inserts events, fans out to matching endpoints. All or nothing.
-- ids uuid[], customers uuid[], customer_uids text[] (either; '*' by a service: every customer), types, type_keys text[] (space separated), bodies bytea[], filterable bool[] (false: a filter could fail on a number in it), emitters uuid[] (the customer whose key it is; null: a service), owners uuid[], keys text[] (null: none), fingerprints bytea[], api_keys uuid[] (null: trusted), deliver_ats timestamptz[] (null: at once), trace_contexts text[] (null: none), tags text[] (space separated; null: none), api_versions text[] (of their data; null: the oldest), other_shapes text[] (space separated: versions in which the data looks otherwise, "" being none; null: no mapping lies anywhere), only_endpoint uuid or null, reject_unknown bool, clock_tolerance_seconds float8, endpoint_limit int (of one event), row_limit bigint, filter_limit bigint (characters x bytes; both of one customer in this statement)
-- One statement, because accepted must mean durable in one round trip. Others share it, so what would take long of one customer is `pending`: it is fanned out afterwards (services/accepting/fan_out.py). Returns one row per input; `refused` says why nothing was stored for it.
WITH input AS (
    SELECT
        i.*, c.customer_id, m.made_at,
        {refusal} AS refused
    FROM unnest(
        %(ids)s::uuid[], %(customers)s::uuid[], %(customer_uids)s::text[], %(types)s::text[], %(type_keys)s::text[],
        %(bodies)s::bytea[], %(filterable)s::bool[], %(emitters)s::uuid[], %(owners)s::uuid[], %(keys)s::text[],
        %(fingerprints)s::bytea[], %(api_keys)s::uuid[], %(deliver_ats)s::timestamptz[],
        %(trace_contexts)s::text[], %(tags)s::text[], %(api_versions)s::text[],
        %(other_shapes)s::text[]
    ) WITH ORDINALITY AS i (
        event_id, given_id, given_uid, type, type_keys, body, filterable, emitter_id, owner_id, key, fingerprint,
        api_key_id, deliver_at, trace_context, tags, api_version, other_shapes, place
    )
    CROSS JOIN LATERAL (
        SELECT {made_at} AS made_at
    ) m
    LEFT JOIN LATERAL (
        SELECT id AS customer_id, moving FROM hookpost_customer WHERE id = i.given_id
        UNION ALL
        SELECT id, moving FROM hookpost_customer WHERE uid = i.given_uid
        LIMIT 1
    ) c ON true
    LEFT JOIN LATERAL (
        {type_of_event}
    ) t ON true
), measured AS (
    SELECT
        i.event_id, i.customer_id, i.place, n.ordered, n.filter_work,
        i.customer_id IS NULL OR n.endpoints > %(endpoint_limit)s::int
            OR sum(n.endpoints) OVER so_far > %(row_limit)s::bigint
            OR n.filter_work > 0 AND (NOT i.filterable OR n.mapped OR sum(n.filter_work) OVER so_far > %(filter_limit)s::bigint)
            AS large
    FROM input i
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS endpoints, bool_or(e.ordered) AS ordered,
            coalesce(sum(length(e.filter)) FILTER (
                WHERE cardinality(e.event_types) = 0 OR e.event_types && string_to_array(i.type_keys, ' ')::varchar[]
            ), 0) * octet_length(i.body) AS filter_work,
            -- a filter that is written for another version looks at what is made of the data, afterwards
            coalesce(bool_or(e.filter <> '' AND coalesce(e.api_version, '') = ANY(string_to_array(i.other_shapes, ' '))), false) AS mapped
        FROM (
            SELECT filter, ordered, event_types, api_version FROM hookpost_endpoint
            WHERE customer_id = i.customer_id AND deleted_at IS NULL
            LIMIT %(endpoint_limit)s::int + 1
        ) e
    ) n
    WHERE i.refused IS NULL AND %(only_endpoint)s::uuid IS NULL
    WINDOW so_far AS (PARTITION BY i.customer_id ORDER BY i.place)
), planned AS (
    SELECT  -- what has to stay in order waits for what is still fanned out
        m.event_id, m.filter_work,
        m.large OR m.ordered AND (
            bool_or(m.large) OVER (PARTITION BY m.customer_id ORDER BY m.place)
            OR EXISTS (SELECT FROM hookpost_fan_out f WHERE f.customer_id = m.customer_id)
        ) AS pending
    FROM measured m
), parsed AS MATERIALIZED (  -- once for each event, however many filters there are
    SELECT i.event_id, convert_from(i.body, 'UTF8')::jsonb AS document
    FROM input i JOIN planned p USING (event_id)
    WHERE p.filter_work > 0 AND NOT coalesce(p.pending, false)
), matched AS (
    SELECT
        i.event_id, i.customer_id, i.type, i.made_at, i.deliver_at, e.id AS endpoint_id, l.slow,
        -- what is for later is held when its time has come
        i.deliver_at IS NULL AND ({is_held}) AS held,
        {delivery_id} AS delivery_id
    FROM input i
    LEFT JOIN planned p USING (event_id)
    LEFT JOIN parsed USING (event_id)
    CROSS JOIN LATERAL (  -- not a join: it could begin with all endpoints and lanes, before statistics tell how many
        SELECT id, state, ordered, draining, event_types, tags, filter FROM hookpost_endpoint
        WHERE customer_id = i.customer_id AND deleted_at IS NULL
        OFFSET 0
    ) e
    CROSS JOIN LATERAL (SELECT slow FROM hookpost_lane WHERE endpoint_id = e.id LIMIT 1) l
    WHERE i.refused IS NULL AND NOT coalesce(p.pending, false)
      AND CASE
        WHEN %(only_endpoint)s::uuid IS NOT NULL THEN e.id = %(only_endpoint)s::uuid
        WHEN NOT ({wants_type}) THEN false
        WHEN e.filter <> '' THEN coalesce(parsed.document @@ e.filter::jsonpath, false)
        ELSE true
      END
), counted AS (
    SELECT i.event_id, coalesce(p.pending, false) AS pending, CASE WHEN p.pending THEN NULL ELSE count(m.endpoint_id)::int END AS deliveries
    FROM input i LEFT JOIN planned p USING (event_id) LEFT JOIN matched m USING (event_id)
    GROUP BY i.event_id, p.pending
), key_taken AS (
    INSERT INTO hookpost_idempotency_key AS known (owner_id, key, customer_id, fingerprint, event_id, deliveries, created_at)
    SELECT DISTINCT ON (i.owner_id, i.key)  -- in this order everywhere: two batches never wait for each other
        i.owner_id, i.key, i.customer_id, i.fingerprint, i.event_id, c.deliveries, now()
    FROM input i JOIN counted c USING (event_id)
    WHERE i.key IS NOT NULL AND i.refused IS NULL
    ORDER BY i.owner_id, i.key, i.event_id
    ON CONFLICT (owner_id, key) DO UPDATE  -- a key goes with its customer: what is left of a deleted one is taken over
        SET customer_id = excluded.customer_id, fingerprint = excluded.fingerprint, event_id = excluded.event_id,
            deliveries = excluded.deliveries, created_at = excluded.created_at
        WHERE NOT EXISTS (SELECT FROM hookpost_customer c WHERE c.id = known.customer_id) AND known.customer_id IS NOT NULL
    RETURNING event_id
), accepted AS (
    SELECT i.event_id, i.customer_id, i.type, i.body, i.made_at, i.deliver_at, i.trace_context, i.tags, i.api_version, c.pending
    FROM input i JOIN counted c USING (event_id)
    WHERE i.refused IS NULL AND (i.key IS NULL OR i.event_id IN (SELECT event_id FROM key_taken))
), new_event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at, deliver_at, trace_context, tags, api_version)
    SELECT event_id, coalesce(customer_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), type, body, made_at, deliver_at,
        trace_context, string_to_array(tags, ' '), api_version
    FROM accepted  -- models.log.EVERYONES
), new_fan_out AS (
    INSERT INTO hookpost_fan_out (event_id, customer_id, turn_at, filter_ms)
    SELECT event_id, customer_id, now(), 0 FROM accepted WHERE pending
), fanned_out AS (
    SELECT m.* FROM matched m WHERE m.event_id IN (SELECT event_id FROM accepted)
), new_delivery AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT
        delivery_id, event_id, endpoint_id, customer_id, type, CASE WHEN held THEN 'held' ELSE 'pending' END, 0, '',
        made_at, CASE WHEN NOT held THEN coalesce(deliver_at, now()) END
    FROM fanned_out
), new_due AS (
    INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
    SELECT delivery_id, false, endpoint_id, event_id, 1, 0, CASE WHEN NOT held THEN coalesce(deliver_at, now()) END, ''
    FROM fanned_out
), woken AS (
    SELECT event_id, array_agg(endpoint_id) FILTER (WHERE NOT slow) AS fast, array_agg(endpoint_id) FILTER (WHERE slow) AS slow
    FROM fanned_out WHERE NOT held AND deliver_at IS NULL
    GROUP BY event_id
)
SELECT
    i.event_id, i.refused, c.deliveries, c.pending, a.event_id IS NOT NULL AS accepted,
    coalesce(w.fast, '{}') AS wake, coalesce(w.slow, '{}') AS wake_slow,
    extract(epoch FROM clock_timestamp())::float8 AS database_time
FROM input i
JOIN counted c USING (event_id)
LEFT JOIN accepted a USING (event_id)
LEFT JOIN woken w USING (event_id)
