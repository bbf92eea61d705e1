-- Figures of an endpoint: deliveries by state, attempts by status class, and how long answers took.
-- endpoint_id uuid, since uuid (smallest id of the time span), newest int (how many deliveries at most)
-- Bounded by the newest deliveries, so that a busy endpoint's page costs no more than a quiet one's.
WITH recent AS MATERIALIZED (
    SELECT id, state FROM hookpost_delivery
    WHERE endpoint_id = %(endpoint_id)s::uuid AND id >= %(since)s::uuid
    ORDER BY id DESC
    LIMIT %(newest)s::int
), tried AS MATERIALIZED (
    SELECT
        CASE WHEN a.status_code IS NULL THEN 'none' ELSE (a.status_code / 100)::text || 'xx' END AS class,
        a.duration_ms
    FROM recent r
    JOIN hookpost_attempt a ON a.delivery_id = r.id AND a.id >= %(since)s::uuid
)
SELECT
    (SELECT count(*)::int FROM recent) AS deliveries,
    coalesce((SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM recent GROUP BY 1) s), '{}')
        AS states,
    coalesce((SELECT jsonb_object_agg(class, n) FROM (SELECT class, count(*) AS n FROM tried GROUP BY 1) c), '{}')
        AS classes,
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) FROM tried) AS p50,
    (SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FROM tried) AS p95,
    (
        SELECT count(*)::int
        FROM (SELECT FROM hookpost_due_delivery WHERE endpoint_id = %(endpoint_id)s::uuid LIMIT %(newest)s::int) w
    ) AS waiting
