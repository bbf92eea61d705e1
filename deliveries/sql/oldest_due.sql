-- How long what could be sent at once has been waiting for a worker, and whether more endpoints have something queued than were looked at.
-- after uuid (zeros), probes int (how many endpoints to look at)
-- Bounded, so that a page costs the same on the day when everything waits.
WITH RECURSIVE {queued_ranks}, {oldest_queued}
SELECT
    (SELECT coalesce(extract(epoch FROM now() - min(ready_at)), 0)::float8
     FROM oldest WHERE NOT held AND NOT resting AND NOT leased AND NOT polled) AS seconds,
    EXISTS (SELECT FROM scan WHERE probe >= %(probes)s::int) AS is_cut
