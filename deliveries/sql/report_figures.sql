-- Makes a node the one that reports the database's figures, or lets it stay so; returns no row while another one is.
-- node text, seconds float (how long after its last report another node may take over), leads bool (takes over at once)
-- Judged by the database's clock, in one row: whatever asks, a sum over all nodes has each figure once.
INSERT INTO hookpost_reporter (only_one, node, until)
VALUES (true, %(node)s::text, now() + make_interval(secs => %(seconds)s::float8))
ON CONFLICT (only_one) DO UPDATE SET node = excluded.node, until = excluded.until
WHERE hookpost_reporter.node = excluded.node OR hookpost_reporter.until < now() OR %(leads)s::bool
RETURNING node
