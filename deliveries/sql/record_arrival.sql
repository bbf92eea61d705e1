-- Records one attempt by the schedule that arrived, and gives its lane back if nothing else is due: what record_outcomes does, for an event that comes alone.
-- worker_id uuid (who leased it); of each list of record_outcomes its only entry; the lane does not rest
-- All or nothing: no row where the lease is another's, or where somebody asked for the same delivery by hand or a job queued it; record_outcomes does that. Most of a small statement's cost is its plan's nodes, so this one has a quarter of them.
WITH lane_out AS (
    UPDATE hookpost_lane l
    SET failures = %(lane_failures)s::int,
        opened = %(lane_opened)s::int,
        rest_until = NULL,
        rest_reason = '',
        "window" = %(lane_windows)s::smallint,
        tokens = %(lane_tokens)s::float8,
        tokens_at = now() - make_interval(secs => %(lane_token_ages)s::float8),
        slow = %(lane_slows)s::bool,
        failing_since = NULL,
        crashes = 0,
        suspect_id = NULL,
        lease_until = CASE WHEN EXISTS (
            SELECT FROM hookpost_due_delivery q
            WHERE q.endpoint_id = %(lane_ids)s::uuid AND q.due_at <= now()
              AND q.rank = ANY('{0,1,2,3}'::smallint[]) AND q.delivery_id <> %(delivery_ids)s::uuid
              AND (q.rank = 0 OR (SELECT state FROM hookpost_endpoint WHERE id = %(lane_ids)s::uuid) = 'enabled')
        ) THEN now() + make_interval(secs => %(lease_seconds)s::float8) END
    WHERE l.endpoint_id = %(lane_ids)s::uuid AND l.fence = %(lane_fences)s::bigint
      AND l.worker_id = %(worker_id)s::uuid
      AND NOT EXISTS (
        SELECT FROM hookpost_due_delivery q WHERE q.delivery_id = %(delivery_ids)s::uuid AND (q.manual OR q.job_id IS NOT NULL)
      )
    RETURNING l.endpoint_id, l.lease_until IS NOT NULL AS more
), attempt_out AS (
    INSERT INTO hookpost_attempt (
        id, delivery_id, endpoint_id, number, actor, reason, started_at, duration_ms, status_code, error, detail,
        address, response_headers, response_body, truncated, request_url, request_headers, signed_with, dns_ms,
        connect_ms, tls_ms, first_byte_ms
    )
    SELECT
        %(attempt_ids)s::uuid, %(delivery_ids)s::uuid, endpoint_id, %(numbers)s::smallint,
        %(actors)s::text, %(reasons)s::text, %(started)s::timestamptz,
        %(durations)s::int, nullif(%(statuses)s::smallint, 0), %(errors)s::text,
        %(details)s::text, %(addresses)s::text, %(headers)s::text, %(bodies)s::bytea,
        %(truncated)s::bool, %(urls)s::text, %(request_headers)s::text,
        %(signed_with)s::text, %(dns)s::int, %(connects)s::int, %(tls)s::int,
        %(first_bytes)s::int
    FROM lane_out
), due_ended AS (
    DELETE FROM hookpost_due_delivery d USING lane_out
    WHERE d.delivery_id = %(delivery_ids)s::uuid AND NOT d.manual
), delivery_out AS (
    UPDATE hookpost_delivery d
    SET attempts = least(d.attempts + 1, 32767),
        status_code = nullif(%(statuses)s::smallint, 0),
        error = %(errors)s::text,
        state = 'succeeded',
        next_attempt_at = NULL,
        finished_at = now(),
        failed_at = NULL
    FROM lane_out
    WHERE d.id = %(delivery_ids)s::uuid
)
SELECT endpoint_id, NOT more AS released, more FROM lane_out
