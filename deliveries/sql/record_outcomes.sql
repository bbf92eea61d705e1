-- Records attempts, moves or ends their deliveries, and keeps each lane's health, in one round trip.
-- worker_id uuid (who leased them); lane_*: one entry per lane (ids, fences, failures, opened, rests and why, tokens and their ages, windows, slows, arrived (null: nothing was tried), releases: 0 keep, 1 give back if nothing else is due, 2 give back; all leases last as long); the others: one per outcome.
-- Attempts are always kept; all else only while the lane's fence is ours, so that a worker frozen past its lease changes nothing its successor recorded.
WITH lane_in AS (
    SELECT * FROM unnest(
        %(lane_ids)s::uuid[], %(lane_fences)s::bigint[], %(lane_failures)s::int[], %(lane_opened)s::int[],
        %(lane_rests)s::float8[], %(lane_tokens)s::float8[], %(lane_slows)s::bool[], %(lane_arrived)s::bool[],
        %(lane_releases)s::smallint[], %(lane_token_ages)s::float8[], %(lane_reasons)s::text[],
        %(lane_windows)s::smallint[]
    ) AS i (
        endpoint_id, fence, failures, opened, rest_seconds, tokens, slow, arrived, release, token_age, reason, "window"
    )
), more AS (
    -- What this statement ends or moves is still due in its own snapshot, so it is left out.
    SELECT i.endpoint_id
    FROM lane_in i
    JOIN hookpost_endpoint e ON e.id = i.endpoint_id
    WHERE i.release > 0 AND EXISTS (
        SELECT FROM hookpost_due_delivery q
        WHERE q.endpoint_id = i.endpoint_id AND q.due_at <= now() AND q.delivery_id <> ALL(%(delivery_ids)s::uuid[])
          AND q.rank = ANY(CASE WHEN i.rest_seconds <= 0 AND e.state = 'enabled'
            THEN '{0,1,2,3}' ELSE '{0}' END::smallint[])
        OFFSET 0  -- a probe for each lane, and no join over the whole queue
    )
), mine AS (
    SELECT l.endpoint_id FROM hookpost_lane l JOIN lane_in i USING (endpoint_id)
    WHERE l.fence = i.fence AND l.worker_id = %(worker_id)s::uuid
       OR l.fence < i.fence AND (l.lease_until IS NULL OR l.worker_id = %(worker_id)s::uuid)  -- a crash undid the lease, and nobody has leased the lane since
    ORDER BY l.endpoint_id FOR UPDATE OF l
), lane_out AS (
    UPDATE hookpost_lane l
    SET fence = i.fence,
        worker_id = %(worker_id)s::uuid,
        failures = i.failures,
        opened = i.opened,
        rest_until = CASE WHEN i.rest_seconds > 0 THEN now() + make_interval(secs => i.rest_seconds) END,
        rest_reason = CASE WHEN i.rest_seconds > 0 THEN i.reason ELSE '' END,
        "window" = i."window",
        tokens = i.tokens,
        tokens_at = now() - make_interval(secs => i.token_age),
        slow = i.slow,
        failing_since = CASE WHEN i.arrived THEN NULL WHEN NOT i.arrived THEN coalesce(l.failing_since, now())
            ELSE l.failing_since END,
        crashes = 0,
        suspect_id = NULL,
        lease_until = CASE WHEN i.release = 2 OR i.release = 1 AND i.endpoint_id NOT IN (SELECT endpoint_id FROM more)
            THEN NULL ELSE now() + make_interval(secs => %(lease_seconds)s::float8) END
    FROM lane_in i
    WHERE l.endpoint_id = i.endpoint_id AND i.endpoint_id = ANY(ARRAY(SELECT endpoint_id FROM mine))
    RETURNING l.endpoint_id, l.lease_until IS NULL AS released
), attempt_out AS (
    INSERT INTO hookpost_attempt (
        id, delivery_id, endpoint_id, number, actor, reason, started_at, duration_ms, status_code, error, detail,
        address, response_headers, response_body, truncated, request_url, request_headers, signed_with, dns_ms,
        connect_ms, tls_ms, first_byte_ms
    )
    SELECT attempt_id, delivery_id, endpoint_id, number, actor, reason, started_at, duration_ms, nullif(status_code, 0),
        error, detail, address, response_headers, response_body, truncated, request_url, request_headers, signed_with,
        dns_ms, connect_ms, tls_ms, first_byte_ms
    FROM unnest(
        %(attempt_ids)s::uuid[], %(delivery_ids)s::uuid[], %(endpoint_ids)s::uuid[], %(numbers)s::smallint[],
        %(actors)s::text[], %(reasons)s::text[], %(started)s::timestamptz[], %(durations)s::int[],
        %(statuses)s::smallint[], %(errors)s::text[], %(details)s::text[], %(addresses)s::text[], %(headers)s::text[],
        %(bodies)s::bytea[], %(truncated)s::bool[], %(urls)s::text[], %(request_headers)s::text[],
        %(signed_with)s::text[], %(dns)s::int[], %(connects)s::int[], %(tls)s::int[], %(first_bytes)s::int[]
    ) AS a (
        attempt_id, delivery_id, endpoint_id, number, actor, reason, started_at, duration_ms, status_code, error, detail,
        address, response_headers, response_body, truncated, request_url, request_headers, signed_with, dns_ms,
        connect_ms, tls_ms, first_byte_ms
    )
), valid AS (
    -- What three of the parts below read is copied for them: nothing of it is as long as a header or a body.
    SELECT * FROM unnest(
        %(delivery_ids)s::uuid[], %(endpoint_ids)s::uuid[], %(manuals)s::bool[], %(statuses)s::smallint[],
        %(errors)s::text[], %(states)s::text[], %(retries)s::float8[], %(ranks)s::smallint[], %(in_place)s::bool[]
    ) AS o (delivery_id, endpoint_id, manual, status_code, error, state, retry_seconds, rank, in_place)
    WHERE endpoint_id = ANY(ARRAY(SELECT endpoint_id FROM lane_out))
), due_ended AS (
    DELETE FROM hookpost_due_delivery d USING valid v
    WHERE d.delivery_id = v.delivery_id AND (d.manual = v.manual AND v.state <> 'pending' OR v.state = 'succeeded')
    RETURNING d.job_id, v.state
), job_locked AS (
    SELECT id FROM hookpost_job WHERE id IN (SELECT job_id FROM due_ended) ORDER BY id FOR UPDATE
), job_out AS (
    UPDATE hookpost_job j
    SET done = j.done + ended.done, failed = j.failed + ended.failed
    FROM (
        SELECT job_id, count(*) FILTER (WHERE state = 'succeeded') AS done,
            count(*) FILTER (WHERE state <> 'succeeded') AS failed
        FROM due_ended GROUP BY job_id
    ) ended
    JOIN job_locked ON job_locked.id = ended.job_id
    WHERE j.id = ended.job_id
), due_moved AS (
    UPDATE hookpost_due_delivery d
    SET attempts = d.attempts + 1,
        rank = v.rank,
        due_at = CASE WHEN v.in_place OR d.due_at IS NULL THEN d.due_at
            ELSE now() + make_interval(secs => v.retry_seconds) END
    FROM valid v
    WHERE d.delivery_id = v.delivery_id AND d.manual = v.manual AND v.state = 'pending'
), delivery_out AS (
    UPDATE hookpost_delivery d
    SET attempts = least(d.attempts + 1, 32767),
        status_code = nullif(v.status_code, 0),
        error = v.error,
        state = CASE WHEN v.state = 'succeeded' THEN v.state
            WHEN v.manual OR v.state = 'pending' OR d.state NOT IN ('pending', 'held') THEN d.state ELSE v.state END,
        next_attempt_at = CASE WHEN v.state = 'succeeded' OR d.state <> 'pending' THEN NULL
            WHEN v.manual THEN d.next_attempt_at
            WHEN v.state = 'pending' THEN now() + make_interval(secs => v.retry_seconds) END,
        finished_at = CASE WHEN v.state = 'succeeded' THEN now()
            WHEN NOT v.manual AND v.state <> 'pending' AND d.state IN ('pending', 'held') THEN now()
            ELSE d.finished_at END,
        failed_at = CASE WHEN v.state = 'succeeded' THEN NULL
            WHEN NOT v.manual AND v.state = 'exhausted' AND d.state IN ('pending', 'held') THEN now()
            ELSE d.failed_at END
    FROM valid v
    WHERE d.id = v.delivery_id
)
SELECT endpoint_id, released, endpoint_id IN (SELECT endpoint_id FROM more) AS more FROM lane_out
