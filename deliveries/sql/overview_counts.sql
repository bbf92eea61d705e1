-- How many deliveries were given up, how many endpoints fail, rest and are stopped; each up to a limit.
-- customer_id uuid (null: of all), since uuid and until uuid (bounds of the ids of what was given up), wanted text[] (what to count: the rest is null), now timestamptz, limit int
-- One statement, for asking for each costs more than counting it. What is not wanted is not read.
SELECT
    CASE WHEN 'given_up' = ANY(%(wanted)s::text[]) THEN (
        SELECT count(*)::int FROM (
            SELECT FROM hookpost_delivery
            WHERE id >= %(since)s::uuid AND id < %(until)s::uuid AND failed_at IS NOT NULL AND state = 'exhausted'
                AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
            LIMIT %(limit)s::int + 1
        ) d) END AS given_up,
    CASE WHEN 'failing' = ANY(%(wanted)s::text[]) THEN (
        SELECT count(*)::int FROM (
            SELECT FROM hookpost_lane l JOIN hookpost_endpoint e ON e.id = l.endpoint_id
            WHERE l.failing_since IS NOT NULL AND e.state = 'enabled' AND e.deleted_at IS NULL
                AND (%(customer_id)s::uuid IS NULL OR e.customer_id = %(customer_id)s::uuid)
            LIMIT %(limit)s::int + 1
        ) f) END AS failing,
    CASE WHEN 'resting' = ANY(%(wanted)s::text[]) THEN (
        SELECT count(*)::int FROM (
            SELECT FROM hookpost_lane l JOIN hookpost_endpoint e ON e.id = l.endpoint_id
            WHERE l.rest_until > %(now)s::timestamptz AND e.state = 'enabled' AND e.deleted_at IS NULL
                AND (%(customer_id)s::uuid IS NULL OR e.customer_id = %(customer_id)s::uuid)
            LIMIT %(limit)s::int + 1
        ) r) END AS resting,
    CASE WHEN 'stopped' = ANY(%(wanted)s::text[]) THEN (
        SELECT count(*)::int FROM (
            SELECT FROM hookpost_endpoint
            WHERE state IN ('paused', 'disabled') AND deleted_at IS NULL
                AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
            LIMIT %(limit)s::int + 1
        ) s) END AS stopped
