-- Whether what is accepted for an endpoint is held: it is paused or disabled, or what is older has to go first.
-- e (of hookpost_endpoint: state, ordered, draining)
-- What is for later is held when its time has come (hold_backlogs.sql).
e.state <> 'enabled' OR (e.ordered AND e.draining)
