-- Removes what is still due of days that are about to be dropped.
-- bound uuid (smallest id that stays)
-- By the primary key's order, because ids are time.
DELETE FROM hookpost_due_delivery WHERE delivery_id < %(bound)s::uuid
