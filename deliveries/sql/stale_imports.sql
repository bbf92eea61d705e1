-- Items of imports under way sealed under another key than the first of the keyring, locked.
-- prefix bytea (how a value sealed under the first key begins), after uuid (the last one seen), batch int
-- Locked until the new value is written, so that what was imported at the same moment does not come back; bounded, by id.
SELECT id, sealed FROM hookpost_import_line
WHERE id > %(after)s::uuid AND substring(sealed FROM 1 FOR length(%(prefix)s::bytea)) <> %(prefix)s::bytea
ORDER BY id
LIMIT %(batch)s::int
FOR NO KEY UPDATE
