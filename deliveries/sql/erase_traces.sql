-- Deletes what else tells of a customer: audit entries, alerts, figures, idempotency keys, lines of imports and jobs, but not the job that erases.
-- customer_id uuid, object_ids text[] (public ids of the customer and all that was its), words text[] (id, uid: as values anywhere in a detail), endpoint_ids uuid[], key_ids uuid[]
-- One statement, so that nobody sees a half of it. No index: it is run by hand, once for a customer.
WITH audit AS (
    DELETE FROM hookpost_audit_entry e
    WHERE e.customer_id = %(customer_id)s::uuid OR e.target = ANY(%(object_ids)s::text[])
       OR EXISTS (
            SELECT FROM jsonb_path_query(e.detail, '$.** ? (@.type() == "string")') AS value
            WHERE value #>> '{}' = ANY(%(words)s::text[])
       )
    RETURNING 1
), alerts AS (
    DELETE FROM hookpost_alert WHERE endpoint_id = ANY(%(endpoint_ids)s::uuid[]) RETURNING 1
), figures AS (
    DELETE FROM hookpost_endpoint_hour
    WHERE endpoint_id = ANY(%(endpoint_ids)s::uuid[] || %(customer_id)s::uuid)  -- with the sums of the customer
    RETURNING 1
), failures AS (
    DELETE FROM hookpost_failure_group
    WHERE customer_id = %(customer_id)s::uuid OR endpoint_id = ANY(%(endpoint_ids)s::uuid[])
    RETURNING 1
), keys AS (
    DELETE FROM hookpost_idempotency_key
    WHERE customer_id = %(customer_id)s::uuid OR owner_id = %(customer_id)s::uuid OR owner_id = ANY(%(key_ids)s::uuid[])
    RETURNING 1
), rates AS (
    DELETE FROM hookpost_api_rate WHERE key_id = ANY(%(key_ids)s::uuid[]) RETURNING 1
), lines AS (
    DELETE FROM hookpost_import_line WHERE customer = ANY(%(words)s::text[]) RETURNING 1
), jobs AS (
    DELETE FROM hookpost_job
    WHERE kind <> 'erase' AND (
        customer_id = %(customer_id)s::uuid OR filters ->> 'customer_id' = %(customer_id)s::text
        OR (filters ->> 'endpoint_id')::uuid = ANY(%(endpoint_ids)s::uuid[])
    )
    RETURNING 1
)
SELECT (
    (SELECT count(*) FROM audit) + (SELECT count(*) FROM alerts) + (SELECT count(*) FROM figures)
    + (SELECT count(*) FROM failures) + (SELECT count(*) FROM keys) + (SELECT count(*) FROM rates) + (SELECT count(*) FROM lines) + (SELECT count(*) FROM jobs)
)::int AS number
