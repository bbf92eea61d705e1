"""One Idempotency-Key from a hundred connections at the same moment, to two web servers."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPResponse

import pytest

from deliveries.models import Delivery, Event, IdempotencyKey
from tests.faults.cluster import LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import customers_of, endpoints_at
from tests.ports import free_ports

TOGETHER = 100
Answer = tuple[int, bytes]


@pytest.fixture
def servers(cluster: Cluster) -> list[int]:
    """The ports of two web servers: a key is the same to both."""
    cluster.web()
    (other,) = free_ports(1)
    cluster.child("web", "manage.py", "web", "--port", str(other))
    for port in (cluster.port, other):
        cluster.eventually(lambda at=port: listens(at), seconds=20, what="the web servers")
    return [cluster.port, other]


@pytest.fixture
def key(cluster: Cluster) -> str:
    """A service key that emits."""
    from deliveries.services.people.api_keys import create_api_key

    return create_api_key("tests", ["events:write"], actor="user:alice")[1]


def listens(port: int) -> bool:
    """Whether somebody accepts connections; a bound port may not do so yet."""
    with suppress(OSError), connected(port):
        return True
    return False


def at_once(ports: Sequence[int], key: str, bodies: Sequence[bytes]) -> list[Answer]:
    """Send each body over a connection of its own; the last byte of all of them goes out in one moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(connected(ports[place % len(ports)])) for place in range(len(bodies))]
        requests = [request_of(body, key) for body in bodies]
        for each, request in zip(sockets, requests, strict=True):
            each.sendall(request[:-1])
        for each, request in zip(sockets, requests, strict=True):
            each.sendall(request[-1:])
        return [answer_on(each) for each in sockets]


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection that sends what it is given without waiting for more."""
    with socket.create_connection(("127.0.0.1", port), timeout=LEAST_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def request_of(body: bytes, key: str) -> bytes:
    """POST /events as it goes over the wire."""
    head = (
        "POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nIdempotency-Key: order-17\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer_on(connection: socket.socket) -> Answer:
    """What came back."""
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def event_of(customer: str, number: int) -> bytes:
    """The body of POST /events."""
    return json.dumps({"customer": customer, "type": "order.shipped", "data": {"number": number}}).encode()


def test_the_same_key_a_hundred_times_at_once_is_one_event_and_a_hundred_equal_answers(
    servers: list[int], key: str, receivers: list[Counting]
) -> None:
    (customer,) = customers_of(endpoints_at(receivers[:1]))
    answers = Counter(at_once(servers, key, [event_of(customer, 1)] * TOGETHER))
    ((status, body), times), *others = answers.items()
    assert others == []
    assert (status, times) == (202, TOGETHER)
    assert json.loads(body) == {"id": Event.objects.get().public_id, "deliveries": 1}
    assert (Delivery.objects.count(), IdempotencyKey.objects.count()) == (1, 1)
    refused = Counter(status for status, _ in at_once(servers, key, [event_of(customer, 2)] * 10))
    assert refused == {422: 10}
    assert Event.objects.count() == 1


def test_of_two_bodies_with_one_key_at_once_one_is_the_event_and_the_other_is_refused(
    servers: list[int], key: str, receivers: list[Counting]
) -> None:
    (customer,) = customers_of(endpoints_at(receivers[:1]))
    bodies = [event_of(customer, place % 3 % 2) for place in range(TOGETHER)]
    answers = at_once(servers, key, bodies)
    assert Event.objects.count() == 1
    won = json.loads(bytes(Event.objects.get().body))["data"]["number"]
    for body, (status, text) in zip(bodies, answers, strict=True):
        is_event = json.loads(body)["data"]["number"] == won
        assert status == (202 if is_event else 422), text
    assert len({text for status, text in answers if status == 202}) == 1
