-- Whether a lane has something that may be sent now.
-- lane (of hookpost_lane or its columns endpoint_id and rest_until), e (of hookpost_endpoint)
-- One probe a rank: the index leads with the rank, and a lane with a million due costs no more than one with one. What is polled is never sent (protocol/sending/polled.py). OFFSET 0 keeps it a probe: PostgreSQL would make a join of it, and while one customer's backlog is nearly all that is queued, read the whole queue for each statement.
e.url <> 'https://poll.hookpost.invalid/' AND EXISTS (
    SELECT FROM hookpost_due_delivery q
    WHERE q.endpoint_id = lane.endpoint_id AND q.due_at <= now() AND q.rank = ANY(
        CASE WHEN e.state = 'enabled' AND (lane.rest_until IS NULL OR lane.rest_until <= now())
            THEN '{0,1,2,3}' ELSE '{0}' END::smallint[])
    OFFSET 0
)
