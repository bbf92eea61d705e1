-- Which ranks of the queue are held while an endpoint is paused or disabled, and of each what is due until when.
-- no parameters
-- A first attempt that is due later is of an event for later; retries and bulk work are held whenever they are due.
SELECT * FROM (VALUES (1::smallint, now()), (2::smallint, 'infinity'), (3::smallint, 'infinity')) AS held (rank, due_until)
