"""Every HTTP request that leaves Hookpost: the guard, the engine, its requests face.

The only place that imports requests and pycurl. It knows addresses, bytes and deadlines; it must
not know deliveries, endpoints, the database or Django.

guard.py      which addresses may be dialled
names.py      who waits for which name to be looked up
options.py    what every libcurl handle is told, once
exchange.py   one handle with one request, and what its callbacks collected
phases.py     how long each phase of a transfer took
ends.py       how a transfer ended, as an Answer
transfers.py  many exchanges at once over one CurlMulti
adapter.py    the same engine as a requests transport adapter
client.py     the doors: new_transfers, new_session, prepared_post, send_one
local.py      doors without a guard, for a developer's machine
"""
