-- Removes what is still due or held of days that are about to be dropped, and counts it.
-- bound uuid (smallest id that stays)
-- By the primary key's order, because ids are time.
WITH gone AS (
    DELETE FROM hookpost_due_delivery WHERE delivery_id < %(bound)s::uuid
    RETURNING due_at
)
SELECT count(due_at)::int AS due, (count(*) - count(due_at))::int AS held FROM gone
