-- What the attempts of an endpoint came to, or of several together, by hour or day and by how they ended.
-- endpoint_id uuid (a customer's: its endpoints together; zeros: all), since timestamptz, bucket text (hour or day)
-- Read from the roll-up by its key, a bounded number of rows, however long the log is and however many endpoints there are.
SELECT date_trunc(%(bucket)s::text, h.hour, 'UTC') AS at,
    CASE
        WHEN h.error = '' THEN 'arrived'
        WHEN h.status_code BETWEEN 300 AND 499 THEN 'refused'
        WHEN h.status_code >= 500 THEN 'failed'
        ELSE 'unanswered'
    END AS ending,
    sum(h.attempts)::int AS attempts,
    sum(h.first_durations[1])::int AS d1, sum(h.first_durations[2])::int AS d2, sum(h.first_durations[3])::int AS d3,
    sum(h.first_durations[4])::int AS d4, sum(h.first_durations[5])::int AS d5, sum(h.first_durations[6])::int AS d6,
    sum(h.first_durations[7])::int AS d7, sum(h.first_durations[8])::int AS d8, sum(h.first_durations[9])::int AS d9,
    sum(h.first_durations[10])::int AS d10, sum(h.first_durations[11])::int AS d11
FROM hookpost_endpoint_hour h
WHERE h.endpoint_id = %(endpoint_id)s::uuid AND h.hour >= %(since)s::timestamptz
GROUP BY 1, 2
ORDER BY 1, 2
