"""Every HTTP request that leaves Hookpost: the guard and the engine, for requests' PreparedRequest.

The only place that imports requests and pycurl. It knows addresses, bytes and deadlines; it must
not know deliveries, endpoints, the database or Django.

guard.py        which addresses may be dialled
dns.py          where names lead, and who waits for which to be looked up
url_parts.py    what a URL says: name, port, the bytes of the request line
options.py      what every libcurl handle is told, once
handle.py       one handle with one request, and what its callbacks collected
request_phases.py  how long each phase of a transfer took
results.py      how a transfer ended, as an Answer
loop.py         the sockets of one CurlMulti: epoll, timers, interrupts
spare.py        which handle serves the next request
multi.py        many handles at once over one CurlMulti
inbox.py        addresses that are answered here
reach.py        whether a URL can be connected to
client.py       the doors: new_transfers, prepared_post, send_one
local.py        doors without a guard, for a developer's machine
"""
