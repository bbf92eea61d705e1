"""Whether a URL can be connected to: name, guard, connection and TLS as for a delivery, and not a byte of a request.

Lives here: one handle that ends once it is connected. It must not know who asks, nor what is registered.
"""

from __future__ import annotations

import socket

import pycurl

from deliveries.conf import Conf, conf
from deliveries.errors import InvalidUrl
from deliveries.outbound.client import prepared_post
from deliveries.outbound.guard import DialRule, Guard, ProxyOnly, resolved
from deliveries.outbound.handle import Handle
from deliveries.outbound.results import NOT_FOUND, answer_of
from deliveries.outbound.url_parts import url_parts
from deliveries.protocol.answer import Answer

SECONDS = 4.0


def try_connection(url: str, *, conf: Conf = conf) -> Answer:
    """Return how connecting ended: `error` and `detail` as after a delivery, no error when it came about."""
    guard = Guard(conf.allow_targets)
    if conf.egress_proxy and not guard.permits_by_proxy(url):
        return Answer(error="blocked_address", detail="the URL names an address that requests may not go to")
    rule: DialRule = ProxyOnly(conf.egress_proxy) if conf.egress_proxy else guard
    handle = Handle(rule=rule, ca_file=conf.ca_file or None, proxy=conf.egress_proxy, was_closed=lambda *_: False)
    try:
        handle.prepare(prepared_post(url, (), b""), tag=None)
        handle.limit(timeout_seconds=SECONDS, connect_seconds=SECONDS, connection_seconds=0)
        return _connect(handle, url, proxied=bool(conf.egress_proxy))
    finally:
        handle.curl.close()


def _connect(handle: Handle, url: str, *, proxied: bool) -> Answer:
    place = url_parts(url)
    try:
        if place.name and not proxied:
            found = resolved(place.name, place.port, resolve=socket.getaddrinfo, timeout_seconds=SECONDS)
            handle.tell_addresses((place.name, place.port), found)
        handle.curl.setopt(pycurl.CONNECT_ONLY, 1)
        handle.curl.perform()
    except InvalidUrl:
        return Answer(error="dns_error", detail=NOT_FOUND)
    except pycurl.error as error:
        return answer_of(handle, code=int(error.args[0]), message=str(error.args[1]))
    return Answer()
