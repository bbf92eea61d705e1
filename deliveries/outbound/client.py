"""The doors of outbound/: a Transfers with our settings, and requests ready to send.

Lives here: what the settings mean for the engine. It must not know endpoints or signatures.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Mapping, Sequence

import requests

from deliveries.conf import Conf, conf
from deliveries.errors import InvalidUrl, Unavailable
from deliveries.outbound.guard import Guard, ProxyOnly, Resolve
from deliveries.outbound.handle import BODY_LIMIT_BYTES, MaySend, PlainHeaders
from deliveries.outbound.multi import IDLE_CONNECTIONS, Transfers, always
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.request import Head
from deliveries.protocol.writing.addresses import parsed_address

Request = requests.PreparedRequest  # for those who may not import requests
TIMEOUT_SECONDS = 15.0


def new_transfers(
    *,
    conf: Conf = conf,
    ca_file: str | None = None,
    body_limit_bytes: int = BODY_LIMIT_BYTES,
    to_endpoints: bool = True,
    may_send: MaySend = always,
) -> Transfers:
    """Return an engine with the operator's lists, authorities and egress proxy; one for each thread.

    What is denied is denied to endpoints; servers of the operator's own settings may be there.
    """
    guard = Guard(conf.allow_targets, deny=conf.deny_networks if to_endpoints else ())
    proxy = ProxyOnly(conf.egress_proxy) if conf.egress_proxy else None
    return Transfers(
        rule=proxy or guard,
        resolve=proxy.resolve if proxy else None,
        literals=guard,
        proxy=conf.egress_proxy,
        ca_file=ca_file or conf.ca_file or None,
        connection_seconds=conf.connection_seconds,
        idle_connections=idle_connections_for(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        body_limit_bytes=body_limit_bytes,
        may_send=may_send,
    )


def idle_connections_for(descriptors: int) -> int:
    """Return how many idle connections one engine may keep, so that sixteen never use up a process's descriptors."""
    unlimited = descriptors < 0
    return IDLE_CONNECTIONS if unlimited else max(8, min(IDLE_CONNECTIONS, descriptors // 32))


def prepared_post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> requests.PreparedRequest:
    """Return a POST as it will be sent; the URL and the headers were checked at registration."""
    return _Written("POST", url, PlainHeaders(headers), body)


def prepared_head(url: str, head: Head, body: bytes, *, method: str = "POST") -> requests.PreparedRequest:
    """Return a request whose headers are written already."""
    return _Written(method, url, PlainHeaders(head=head), body)


class _Written(requests.PreparedRequest):
    """A request of which nothing is left to prepare: requests would make hooks and more for each."""

    def __init__(self, method: str, url: str, headers: PlainHeaders, body: bytes) -> None:
        self.method, self.url, self.headers, self.body = method, url, headers, body


def prepared_form(
    url: str, fields: Mapping[str, str], headers: Sequence[tuple[str, str]], *, client: tuple[str, str] | None
) -> requests.PreparedRequest:
    """Return the POST of a form, by a client that tells name and password by Basic where they are given."""
    request = requests.PreparedRequest()
    auth = requests.auth.HTTPBasicAuth(*client) if client else None
    request.prepare(method="POST", url=url, headers=dict(headers), data=dict(fields), auth=auth)
    return request


def send_one(
    request: requests.PreparedRequest, *, timeout_seconds: float = TIMEOUT_SECONDS, transfers: Transfers | None = None
) -> Answer:
    """Send one request and wait for its end; with `transfers`, over its connections (none may be in flight)."""
    if transfers is None:
        with new_transfers() as own:
            return send_one(request, timeout_seconds=timeout_seconds, transfers=own)
    transfers.start(request, tag=None, timeout_seconds=timeout_seconds)
    while not (ended := transfers.finish(wait_seconds=1.0)):
        pass
    return ended[0][1]


def fetch_document(url: str, *, timeout_seconds: float, limit_bytes: int, bearer: str = "") -> bytes:
    """Return what a URL of the operator's own settings answers with 200; raises Unavailable with the reason."""
    request, headers = requests.PreparedRequest(), {"accept": "application/json", "user-agent": "Hookpost"}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    request.prepare(method="GET", url=url, headers=headers)
    with new_transfers(body_limit_bytes=limit_bytes, to_endpoints=False) as transfers:
        answer = send_one(request, timeout_seconds=timeout_seconds, transfers=transfers)
    if answer.error or answer.status != 200:
        raise Unavailable(f"{url}: {answer.error or answer.status} {answer.detail}".rstrip())
    if answer.truncated:
        raise Unavailable(f"{url}: more than {limit_bytes} bytes")
    return answer.body


def check_target(host: str, port: int, *, conf: Conf = conf, resolve: Resolve = socket.getaddrinfo) -> None:
    """Raise InvalidUrl unless requests to this host may go out; behind an egress proxy only literals are judged."""
    guard = Guard(conf.allow_targets, deny=conf.deny_networks)
    if not conf.egress_proxy:
        guard.check_target(host, port, resolve=resolve)
        return
    literal = parsed_address(host.removeprefix("[").removesuffix("]"))
    if literal is not None and not guard.permits(str(literal), port):
        raise InvalidUrl(f"{host} is not an address that requests may go to (port {port})", field="url")
