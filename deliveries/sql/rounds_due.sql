-- Which rounds of the dispatcher have something to do: one row.
-- no parameters
-- One statement instead of one for each round: an installation that does nothing paid for a dozen, twice a second's work of a whole worker. It may say too much (mail that is for later), never too little: what a round looks at exactly is its own. What is due of paused endpoints is asked of each of them (OFFSET 0): a join may read the queue once for each.
SELECT
    EXISTS (
        SELECT FROM ({not_enabled}) e CROSS JOIN ({held_ranks}) r
        WHERE EXISTS (
            SELECT FROM hookpost_due_delivery q
            WHERE q.endpoint_id = e.id AND q.rank = r.rank AND q.due_at <= r.due_until AND q.manual IS NOT TRUE
            OFFSET 0
        )
    ) AS holding,
    EXISTS (SELECT FROM ({draining}) e) AS releasing,
    EXISTS (SELECT FROM hookpost_job WHERE state IN ('pending', 'running', 'held')) AS jobs,
    EXISTS (SELECT FROM hookpost_fan_out) AS fan_outs,
    EXISTS (SELECT FROM hookpost_alert WHERE told_at IS NULL) AS untold,
    EXISTS (SELECT FROM hookpost_alert WHERE mail_due_at IS NOT NULL)
        OR EXISTS (SELECT FROM hookpost_invitation WHERE mail_due_at IS NOT NULL)
        OR EXISTS (SELECT FROM hookpost_password_mail WHERE mail_due_at IS NOT NULL)
        OR EXISTS (SELECT FROM hookpost_member WHERE digest_due_at IS NOT NULL) AS mail,
    EXISTS (SELECT FROM hookpost_poll_lease) AS polls,
    EXISTS (SELECT FROM hookpost_challenge WHERE state <> 'verified') AS challenges
