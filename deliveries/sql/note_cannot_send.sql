-- Notes that nothing can be sent, for the operator's mail, once a day while it lasts.
-- id uuid, endpoint_id uuid or null (null: the keyring or a clock, which concern all), reason text
-- The day in `since` makes it one row also when many workers notice at the same moment.
INSERT INTO hookpost_alert (id, kind, endpoint_id, since, reason, created_at, told_at, mail_due_at)
SELECT %(id)s::uuid, 'sending.stopped', %(endpoint_id)s::uuid, date_trunc('day', now(), 'UTC'), %(reason)s::text, now(),
    now(), now()
WHERE NOT EXISTS (
    SELECT FROM hookpost_alert a
    WHERE a.endpoint_id IS NOT DISTINCT FROM %(endpoint_id)s::uuid AND a.kind = 'sending.stopped'
      AND a.created_at > now() - interval '24 hours'
)
AND (%(endpoint_id)s::uuid IS NULL OR EXISTS (SELECT FROM hookpost_endpoint e WHERE e.id = %(endpoint_id)s::uuid))
ON CONFLICT DO NOTHING
