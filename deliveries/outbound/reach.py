"""Whether a URL can be connected to: name, guard, connection and TLS as for a delivery, and not a byte of a request.

Lives here: one handle that ends once it is connected. It must not know who asks, nor what is registered.
"""

from __future__ import annotations

import socket

import pycurl

from deliveries.conf import Conf, conf
from deliveries.errors import InvalidUrl
from deliveries.outbound.client import prepared_post
from deliveries.outbound.dns import Place, worth_trying
from deliveries.outbound.guard import Guard, ProxyOnly, Resolve, proxy_place, resolved
from deliveries.outbound.handle import Handle
from deliveries.outbound.multi import always
from deliveries.outbound.results import answer_of, answer_unresolved
from deliveries.outbound.url_parts import url_parts
from deliveries.protocol.answers.answer import Answer

SECONDS = 4.0


def try_connection(url: str, *, conf: Conf = conf) -> Answer:
    """Return how connecting ended: `error` and `detail` as after a delivery, no error when it came about."""
    guard = Guard(conf.allow_targets, deny=conf.deny_networks)
    if conf.egress_proxy and not guard.permits_by_proxy(url):
        return Answer(error="blocked_address", detail="the URL names an address that requests may not go to")
    proxy = ProxyOnly(conf.egress_proxy) if conf.egress_proxy else None
    handle = Handle(
        rule=proxy or guard,
        ca_file=conf.ca_file or None,
        proxy=conf.egress_proxy,
        was_closed=_never,
        may_send=always,
    )
    try:
        handle.prepare(prepared_post(url, (), b""), tag=None)
        handle.limit(timeout_seconds=SECONDS, connect_seconds=SECONDS, connection_seconds=0)
        if proxy:
            return _connect(handle, proxy_place(conf.egress_proxy), resolve=proxy.resolve)
        return _connect(handle, url_parts(url).place, resolve=socket.getaddrinfo)
    finally:
        handle.curl.close()


def _connect(handle: Handle, place: Place, *, resolve: Resolve) -> Answer:
    try:
        if place[0]:
            found = resolved(place[0], place[1], resolve=resolve, timeout_seconds=SECONDS)
            handle.tell_addresses(place, worth_trying(found))
        handle.curl.setopt(pycurl.CONNECT_ONLY, 1)
        handle.curl.perform()
    except InvalidUrl:
        return answer_unresolved("not_found", seconds=0, proxied=handle.proxied)
    except pycurl.error as error:
        return answer_of(handle, code=int(error.args[0]), message=str(error.args[1]))
    return Answer()


def _never(_address: str, _port: int) -> bool:
    return False
