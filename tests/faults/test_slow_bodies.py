"""Bodies and headers that drip or never come: nobody but their senders notices, and not for ever."""

from __future__ import annotations

import http.client
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User

from deliveries.models import Customer, Member
from deliveries.services.common.own_time import zone_of
from deliveries.services.people.api_keys import create_api_key
from tests.browsers import logged_in
from tests.faults.cluster import LEAST_SECONDS, Cluster

DRIPS = 40
HEADLESS = 1100
TRIES = 3
THREADS = 8
FOR_EVER_SECONDS = 600  # of a body's time limit, so that no connection is ended during a test
EVENT = json.dumps({"customer": "acme", "type": "a.b", "data": {}}).encode()
TOKEN = "a" * 32
LOG_IN = b"POST /portal/login/ HTTP/1.1\r\ncookie: hookpost_portal_csrf=" + TOKEN.encode()
A_PAGE = b"POST /admin/profile/ HTTP/1.1\r\ncookie: hookpost_staff_csrf=" + TOKEN.encode()
NOWHERE = b"POST /nowhere HTTP/1.1"


@dataclass
class Drip:
    """A request whose body does not come."""

    connection: socket.socket

    def more(self) -> None:
        """Send one byte more of it."""
        self.connection.sendall(b"1\r\na\r\n")


def connected(cluster: Cluster) -> socket.socket:
    """A connection to the web server."""
    return socket.create_connection(("127.0.0.1", cluster.port), timeout=LEAST_SECONDS)


def begin(cluster: Cluster, head: bytes, framing: bytes = b"content-length: 900\r\n\r\na") -> Drip:
    """Send a head and the first byte of a body."""
    connection = connected(cluster)
    connection.sendall(head + b"\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" + framing)
    return Drip(connection)


@contextmanager
def drips(cluster: Cluster, *heads: bytes) -> Iterator[list[Drip]]:
    """Forty such requests, half of them in chunks."""
    framings = b"content-length: 900\r\n\r\na", b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n"
    with ExitStack() as stack:
        begun = [begin(cluster, heads[n % len(heads)], framings[n // len(heads) % 2]) for n in range(DRIPS)]
        for each in begun:
            stack.enter_context(each.connection)
        yield begun


def answer(cluster: Cluster, method: str, path: str, body: bytes | None = None, key: str = "") -> int:
    """The status of an ordinary request."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"} if key else {}
    with closing(http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=LEAST_SECONDS)) as client:
        client.request(method, path, body, headers)
        return client.getresponse().status


def start(cluster: Cluster, **settings: int) -> None:
    """Start a web server with few threads and wait until it answers."""
    cluster.web(**{"web_threads": THREADS, **settings})
    cluster.eventually(lambda: is_up(cluster), seconds=20, what="the web server's first answer")


def is_up(cluster: Cluster) -> bool:
    """Say whether the web server answers."""
    try:
        return answer(cluster, "GET", "/healthz") == 200
    except OSError:
        return False


def key_for(customer: Customer | None = None) -> str:
    """A key that may emit."""
    return create_api_key("tests", ["events:write"], customer=customer, actor="user:alice")[1]


def head_of(key: str) -> bytes:
    """The head of an event's request."""
    return b"POST /api/v1/events HTTP/1.1\r\nauthorization: Bearer " + key.encode()


def drip_until_ended(drip: Drip) -> None:
    """Send byte after byte until the server has had enough."""
    drip.connection.settimeout(0.2)
    with suppress(ConnectionError):
        while True:
            drip.more()
            with suppress(TimeoutError):
                if drip.connection.recv(64) == b"":
                    return


@contextmanager
def headless(cluster: Cluster) -> Iterator[socket.socket]:
    """More connections than Granian takes by itself, none of which sends a whole header; yields the first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2 * HEADLESS, hard)), hard))
        opened = []
        for part in (b"", b"POST /api/v1/events HTTP/1.1\r\nx-a: a") * (HEADLESS // 2):
            opened.append(stack.enter_context(connected(cluster)))
            opened[-1].sendall(part)
        yield opened[0]


def is_open(connection: socket.socket) -> bool:
    """Say whether the server has left a connection as it is."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True


def test_connections_without_a_header_keep_nobody_waiting_for_their_end(cluster: Cluster) -> None:
    """Given more of them than one takes for a flood, then who comes after is answered while the first is still open."""
    Customer.objects.create(name="Acme", uid="acme")
    key = key_for()
    start(cluster)
    for _ in range(TRIES):  # the server ends each after half a minute, for which a machine may stand still
        with headless(cluster) as first:
            assert answer(cluster, "POST", "/api/v1/events", EVENT, key) == 202
            if is_open(first):
                return
    raise AssertionError("nobody was answered before connections were ended")


def test_bodies_of_strangers_that_drip_stop_nobody(cluster: Cluster) -> None:
    Customer.objects.create(name="Acme", uid="acme")
    start(cluster, body_seconds=FOR_EVER_SECONDS)
    with drips(cluster, LOG_IN, NOWHERE):
        assert answer(cluster, "GET", "/healthz") == 200
        assert answer(cluster, "GET", "/admin/login/") == 200
        assert answer(cluster, "POST", "/api/v1/events", EVENT, key_for()) == 202


@pytest.mark.parametrize("site", ["portal", "admin"])
def test_bodies_of_strangers_that_drip_keep_nobody_from_a_form_who_is_logged_in(cluster: Cluster, site: str) -> None:
    """Given strangers who hold all places of strangers, then who is known has one."""
    person = User.objects.create_user(f"alice-{site}", is_staff=site == "admin", is_superuser=site == "admin")
    Member.objects.create(customer=Customer.objects.create(name="Acme", uid="acme"), user=person)
    start(cluster, body_seconds=FOR_EVER_SECONDS)
    cookies = [f"{name}={morsel.value}" for name, morsel in logged_in(person).cookies.items()]
    cookies += [f"hookpost_{name}_csrf={TOKEN}" for name in ("staff", "portal")]
    headers = {"cookie": "; ".join(cookies), "content-type": "application/x-www-form-urlencoded"}
    body = f"time_zone=Europe/Berlin&csrfmiddlewaretoken={TOKEN}".encode()
    with drips(cluster, LOG_IN, A_PAGE), closing(http.client.HTTPConnection("127.0.0.1", cluster.port)) as client:
        client.request("POST", f"/{site}/profile/", body, headers)
        assert client.getresponse().status == 302
    assert zone_of(person) == "Europe/Berlin"


def test_bodies_of_customers_that_drip_do_not_stop_the_operator(cluster: Cluster) -> None:
    """Given bodies of several customers, more than there are connections to the database, then these are free."""
    _, *hostile = (Customer.objects.create(name=str(n), uid=f"acme{n or ''}") for n in range(9))
    start(cluster, body_seconds=FOR_EVER_SECONDS, web_threads=32)
    with drips(cluster, *(head_of(key_for(each)) for each in hostile)):
        assert answer(cluster, "POST", "/api/v1/events", EVENT, key_for()) == 202


def test_bodies_of_one_customer_that_drip_stop_no_other(cluster: Cluster) -> None:
    acme, globex = (Customer.objects.create(name=name, uid=name) for name in ("acme", "globex"))
    start(cluster, body_seconds=FOR_EVER_SECONDS)
    with drips(cluster, head_of(key_for(globex)), b"PATCH" + head_of(key_for(globex))[4:]):
        assert answer(cluster, "POST", "/api/v1/events", EVENT, key_for()) == 202
        assert answer(cluster, "POST", "/api/v1/events", EVENT, key_for(acme)) == 202


@pytest.mark.parametrize("head", [NOWHERE, head_of("hk_" + "a" * 43), b"POST /api/v1/customers HTTP/1.1"])
def test_no_body_is_waited_for_of_an_unknown_address_or_caller(cluster: Cluster, head: bytes) -> None:
    start(cluster, body_seconds=FOR_EVER_SECONDS)
    for framing in (b"content-length: 900\r\n\r\na", b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n"):
        with begin(cluster, head, framing).connection as connection:
            assert connection.recv(64).split()[1] in (b"401", b"404")


def test_a_body_that_does_not_come_in_time_ends_its_connection(cluster: Cluster) -> None:
    """Given one that is silent and one that drips, then both are ended, and a new one is served."""
    Customer.objects.create(name="Acme", uid="acme")
    start(cluster, body_seconds=1)
    key = key_for()
    silent = begin(cluster, head_of(key))
    dripping = begin(cluster, head_of(key), b"expect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n")
    with silent.connection, dripping.connection:
        assert b"100" in dripping.connection.recv(64)
        drip_until_ended(dripping)
        assert silent.connection.recv(64) == b""
    assert answer(cluster, "POST", "/api/v1/events", EVENT, key) == 202
