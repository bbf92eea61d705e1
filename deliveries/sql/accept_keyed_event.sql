-- Accepts one event that comes alone and with an idempotency key: what accept_event does, if the key is new.
-- as parts/lone_event.sql and parts/lone_rows.sql have it; owner uuid, key text, fingerprint bytea: as the lists of accept_events
-- All or nothing: no row as in accept_event; a row that is not `accepted` where the key is known, of which accept_events tells what follows. A caller with the same key at the same moment waits here until the first one has committed.
WITH {lone_event}, key_taken AS (
    INSERT INTO hookpost_idempotency_key (owner_id, key, customer_id, fingerprint, event_id, deliveries, created_at)
    SELECT %(owner)s::uuid, %(key)s::text, customer_id, %(fingerprint)s::bytea, event_id, (SELECT count(*)::int FROM matched), now()
    FROM judged
    ON CONFLICT (owner_id, key) DO NOTHING
    RETURNING event_id
), accepted AS NOT MATERIALIZED (
    SELECT * FROM judged WHERE EXISTS (SELECT FROM key_taken)
), fanned_out AS NOT MATERIALIZED (
    SELECT * FROM matched WHERE EXISTS (SELECT FROM key_taken)
), {lone_rows}
SELECT
    event_id, NULL::text AS refused, (SELECT count(*)::int FROM matched) AS deliveries, false AS pending,
    EXISTS (SELECT FROM key_taken) AS accepted,
    ARRAY(SELECT endpoint_id FROM matched WHERE NOT held AND NOT slow) AS wake,
    ARRAY(SELECT endpoint_id FROM matched WHERE NOT held AND slow) AS wake_slow,
    extract(epoch FROM clock_timestamp())::float8 AS database_time
FROM judged
