-- Which keys sealed what is stored: one row for each kind and key, with the newest value of it.
-- (no parameters)
-- Reads every sealed value's first bytes; the id of the key stands there in the clear (models/keyring.py).
WITH stored AS (
    SELECT 'secret' AS kind, id, sealed FROM hookpost_endpoint_secret
    UNION ALL
    SELECT 'headers', id, headers_sealed FROM hookpost_endpoint WHERE headers_sealed IS NOT NULL
    UNION ALL
    SELECT 'credentials', id, credentials_sealed FROM hookpost_endpoint WHERE credentials_sealed IS NOT NULL
    UNION ALL
    SELECT 'second factor', id, sealed FROM hookpost_second_factor
    UNION ALL
    SELECT 'import', id, sealed FROM hookpost_import_line WHERE sealed IS NOT NULL
), named AS (
    SELECT kind, id, sealed, substring(sealed FROM 3 FOR get_byte(sealed, 1)) AS key_id FROM stored
), newest AS (
    SELECT DISTINCT ON (kind, key_id) kind, key_id, id, sealed FROM named ORDER BY kind, key_id, id DESC
)
SELECT newest.kind, newest.key_id, newest.id, newest.sealed, counted.number
FROM newest
JOIN (SELECT kind, key_id, count(*)::int AS number FROM named GROUP BY kind, key_id) counted USING (kind, key_id)
ORDER BY newest.id DESC
