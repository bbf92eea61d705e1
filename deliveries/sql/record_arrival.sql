-- Records one attempt by the schedule that arrived, and gives its lane back if nothing else is due: what record_outcomes does, for an event that comes alone.
-- worker_id uuid (who leased it); the lists are those of record_outcomes, with one entry each; the lane does not rest
-- All or nothing: no row where the lease is another's, or where somebody asked for the same delivery by hand; record_outcomes does that. Most of a small statement's cost is its plan's nodes, so this one has a quarter of them.
WITH more AS (
    SELECT EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = (%(lane_ids)s::uuid[])[1] AND q.due_at <= now()
          AND q.rank = ANY('{0,1,2,3}'::smallint[]) AND q.delivery_id <> (%(delivery_ids)s::uuid[])[1]
          AND (q.rank = 0 OR (SELECT state FROM hookpost_endpoint WHERE id = (%(lane_ids)s::uuid[])[1]) = 'enabled')
    ) AS more
), lane_out AS (
    UPDATE hookpost_lane l
    SET failures = (%(lane_failures)s::int[])[1],
        opened = (%(lane_opened)s::int[])[1],
        rest_until = NULL,
        rest_reason = '',
        "window" = (%(lane_windows)s::smallint[])[1],
        tokens = (%(lane_tokens)s::float8[])[1],
        tokens_at = now() - make_interval(secs => (%(lane_token_ages)s::float8[])[1]),
        slow = (%(lane_slows)s::bool[])[1],
        failing_since = NULL,
        crashes = 0,
        suspect_id = NULL,
        lease_until = CASE WHEN more.more THEN now() + make_interval(secs => %(lease_seconds)s::float8) END
    FROM more
    WHERE l.endpoint_id = (%(lane_ids)s::uuid[])[1] AND l.fence = (%(lane_fences)s::bigint[])[1]
      AND l.worker_id = %(worker_id)s::uuid
      AND NOT EXISTS (
        SELECT FROM hookpost_due_delivery q WHERE q.delivery_id = (%(delivery_ids)s::uuid[])[1] AND q.manual
      )
    RETURNING l.endpoint_id, more.more
), attempt_out AS (
    INSERT INTO hookpost_attempt (
        id, delivery_id, endpoint_id, number, actor, reason, started_at, duration_ms, status_code, error, detail,
        address, response_headers, response_body, truncated, request_url, request_headers, signed_with, dns_ms,
        connect_ms, tls_ms, first_byte_ms
    )
    SELECT
        (%(attempt_ids)s::uuid[])[1], (%(delivery_ids)s::uuid[])[1], endpoint_id, (%(numbers)s::smallint[])[1],
        (%(actors)s::text[])[1], (%(reasons)s::text[])[1], (%(started)s::timestamptz[])[1],
        (%(durations)s::int[])[1], nullif((%(statuses)s::smallint[])[1], 0), (%(errors)s::text[])[1],
        (%(details)s::text[])[1], (%(addresses)s::text[])[1], (%(headers)s::text[])[1], (%(bodies)s::bytea[])[1],
        (%(truncated)s::bool[])[1], (%(urls)s::text[])[1], (%(request_headers)s::text[])[1],
        (%(signed_with)s::text[])[1], (%(dns)s::int[])[1], (%(connects)s::int[])[1], (%(tls)s::int[])[1],
        (%(first_bytes)s::int[])[1]
    FROM lane_out
), due_ended AS (
    DELETE FROM hookpost_due_delivery d USING lane_out
    WHERE d.delivery_id = (%(delivery_ids)s::uuid[])[1] AND NOT d.manual
), delivery_out AS (
    UPDATE hookpost_delivery d
    SET attempts = least(d.attempts + 1, 32767),
        status_code = nullif((%(statuses)s::smallint[])[1], 0),
        error = (%(errors)s::text[])[1],
        state = 'succeeded',
        next_attempt_at = NULL,
        finished_at = now(),
        failed_at = NULL
    FROM lane_out
    WHERE d.id = (%(delivery_ids)s::uuid[])[1]
)
SELECT endpoint_id, NOT more AS released, more FROM lane_out
