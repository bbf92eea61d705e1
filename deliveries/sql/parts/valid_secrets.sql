-- The secrets of an endpoint that sign now, the newest first, in one row.
-- e (of hookpost_endpoint)
-- No join: the rows of lanes stay as many as there are lanes.
SELECT array_agg(id ORDER BY id DESC) AS secret_ids, array_agg(sealed ORDER BY id DESC) AS sealed,
    array_agg(hint ORDER BY id DESC) AS hints
FROM hookpost_endpoint_secret
WHERE endpoint_id = e.id AND (expires_at IS NULL OR expires_at > now())
