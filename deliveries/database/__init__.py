"""How Hookpost is connected to PostgreSQL: Django's backend, with an end to every wait and few connections.

limits.py      how long this thread waits for an answer
beside.py      what it goes on with meanwhile
connection.py  a connection that is given up when no answer comes
failures.py    what an error means
kept_statements.py  what is prepared once, past cursors
handing.py     one connection for whichever thread works at the moment
sharing.py     connections lent to whoever serves a request, and closed when nobody needs them
base.py        Django's backend: `ENGINE = "deliveries.database"`

Knows no table and no setting but those of its connection. Everything above works with Django's own backend too.
"""
