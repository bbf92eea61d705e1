-- How many attempts of each endpoint arrived and failed in each hour.
-- endpoint_ids uuid[], since timestamptz
-- Read from the roll-up by its key: some rows for each endpoint and hour.
SELECT h.endpoint_id, h.hour,
    coalesce(sum(h.attempts) FILTER (WHERE h.error = ''), 0)::int AS arrived,
    coalesce(sum(h.attempts) FILTER (WHERE h.error <> ''), 0)::int AS failed
FROM hookpost_endpoint_hour h
WHERE h.endpoint_id = ANY(%(endpoint_ids)s::uuid[]) AND h.hour >= %(since)s::timestamptz
GROUP BY 1, 2
ORDER BY 1, 2
