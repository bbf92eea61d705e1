-- Credentials of endpoints sealed under another key than the first of the keyring, locked.
-- prefix bytea (how a value sealed under the first key begins), after uuid (the last one seen), batch int
-- Locked until the new value is written, so that an edit of the endpoint at the same moment is not undone; bounded, by id.
SELECT id, credentials_sealed AS sealed FROM hookpost_endpoint
WHERE id > %(after)s::uuid AND substring(credentials_sealed FROM 1 FOR length(%(prefix)s::bytea)) <> %(prefix)s::bytea
ORDER BY id
LIMIT %(batch)s::int
FOR NO KEY UPDATE
