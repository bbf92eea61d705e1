-- Writes what the endpoints of each customer came to together in some hours, over what was written of it before.
-- since timestamptz, until timestamptz
-- Read by the index of hours. The caller holds the watermark, so nothing is counted meanwhile. The sums are no endpoint's, so they are not summed themselves.
INSERT INTO hookpost_endpoint_hour AS h (
    endpoint_id, hour, error, status_code, attempts, first_attempts, first_durations, last_at
)
SELECT e.customer_id, s.hour, s.error, s.status_code, sum(s.attempts), sum(s.first_attempts),
    ARRAY[
        sum(s.first_durations[1]), sum(s.first_durations[2]), sum(s.first_durations[3]), sum(s.first_durations[4]),
        sum(s.first_durations[5]), sum(s.first_durations[6]), sum(s.first_durations[7]), sum(s.first_durations[8]),
        sum(s.first_durations[9]), sum(s.first_durations[10]), sum(s.first_durations[11])
    ]::int[],
    max(s.last_at)
FROM hookpost_endpoint_hour s
JOIN hookpost_endpoint e ON e.id = s.endpoint_id
WHERE s.hour >= %(since)s::timestamptz AND s.hour < %(until)s::timestamptz
GROUP BY 1, 2, 3, 4
ON CONFLICT (endpoint_id, hour, error, status_code) DO UPDATE
SET attempts = excluded.attempts, first_attempts = excluded.first_attempts,
    first_durations = excluded.first_durations, last_at = excluded.last_at
