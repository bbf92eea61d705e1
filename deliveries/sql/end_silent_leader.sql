-- Ends the connection of a leader that has said nothing for so long that its process must be frozen or cut off.
-- class_id int, object_id int (the leader's lock), patience_seconds float
-- The lock lives as long as its connection, which outlives a frozen process: nobody else would ever dispatch.
SELECT pg_terminate_backend(a.pid) AS ended
FROM pg_locks l
JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted
  AND l.classid = %(class_id)s::int::oid AND l.objid = %(object_id)s::int::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND a.state LIKE 'idle%%'
  AND a.state_change < now() - make_interval(secs => %(patience_seconds)s::float8)
