"""The engine: leases lanes, sends what is due and records what came of it. Nobody below knows it.

A failed request in five files: loop.py takes the answer, judge.py asks ../protocol/answers/outcome.py what it means,
lane.py does to its lane what follows (pause, rest, breaker), recorder.py writes it down by ../sql/record_outcomes.sql.

engines.py     of a process, one for quick lanes and one for slow ones
loop.py        one thread: take, claim, feed, collect, record
intake.py      what to lease and claim next        agenda.py   lanes that were named, found, or are to come
leases.py      round trips about leases and claims  lane_table.py  lanes in hand, customers in turn
lane.py        a lane: its state and rules          phases.py   its phases and moves
standing.py    what a lane learned of its receiver  limits.py   every number, its unit and its reason
upkeep.py      the beat, old leases, new slices     silence.py  how long a worker may be silent
shares.py      what customers share                 bulk_gaps.py  what is sent again leaves room
outbox.py      requests in flight                   sender.py   from a delivery to a request
batch_lane.py  a lane whose requests carry several  batch_sender.py  from deliveries to one request
credentials.py what a lane sends along              tokens.py   access tokens, fetched while a lane waits
making.py      what waits before it is sent         transforms.py  transformations, on a thread of their own
judge.py       what an answer means                 recorder.py what came of it, written down
record_columns.py  as which lists                   leased_endpoint.py  how an endpoint wants to be sent to
counts.py, attempt_log.py, attempt_spans.py         what metrics, the log and spans are told of it
quarantine.py  who ends its worker                  trouble.py  what keeps a lane from sending here
hints.py       lanes that messages named            unread_hints.py  what an engine was told and has not read
found_lanes.py  lanes that it found
locked_rows.py  going on without a lane of which a row is locked            disabling.py  endpoints that asked for it
polls.py       endpoints that are polled  poll_messages.py  what a poller gets
work.py        values that pass through             database_retry.py  waiting for a database that is away
dispatcher.py  the leader: wakes what is due, keeps house       backlogs.py what is held, and released
"""
