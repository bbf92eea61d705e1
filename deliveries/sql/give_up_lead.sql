-- Gives the lead up, if it is ours.
-- name text, holder text
-- So that after an orderly stop the next one leads at once.
DELETE FROM hookpost_leader WHERE name = %(name)s::text AND holder = %(holder)s::text
