-- Deletes a bounded number of a customer's events with what is left of their fan-out.
-- customer_id uuid, batch int
-- In bounded steps: one huge DELETE would hold its locks for as long as it takes.
WITH chosen AS (
    SELECT id FROM hookpost_event WHERE customer_id = %(customer_id)s::uuid ORDER BY id LIMIT %(batch)s::int
), fan_outs AS (
    DELETE FROM hookpost_fan_out f USING chosen WHERE f.event_id = chosen.id
), gone AS (
    DELETE FROM hookpost_event e USING chosen WHERE e.id = chosen.id
)
SELECT count(*)::int AS number FROM chosen
