-- Waits until nobody else makes a thing of the operator's that is counted, and keeps it so until the transaction ends.
-- no parameters
-- The operator has no row that could be locked, as customers have.
SELECT true AS locked FROM pg_advisory_xact_lock(hashtextextended('hookpost operator', 0))
