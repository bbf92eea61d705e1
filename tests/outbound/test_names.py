"""Requests wait for their names apart: one look-up for each name, and none for a kept connection."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from deliveries.outbound import dns
from deliveries.outbound.client import prepared_post
from deliveries.outbound.guard import Guard
from deliveries.outbound.handle import Handle
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import finish_all, wait_until


class Resolver:
    """Answers for what is in /etc/hosts; names with "silent" in them hang until the test is over."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.hanging = "silent"
        self.over = threading.Event()

    def __call__(self, host: str, port: int | None, **more: Any) -> Any:
        """Look a name up."""
        self.asked[host] += 1
        if self.hanging in host:
            self.over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "silent")
        return socket.getaddrinfo(host, port, **more)


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """A resolver under this test's control."""
    resolver = Resolver()
    yield resolver
    resolver.over.set()


def send(transfers: Transfers, *urls: str, timeout_seconds: float = 60) -> dict[object, Answer]:
    """Send all at once; answers by their place."""
    for place, url in enumerate(urls):
        transfers.start(prepared_post(url, [], b"{}"), tag=place, timeout_seconds=timeout_seconds)
    return finish_all(transfers)


def by_name(receiver: OneReceiver) -> str:
    """The receiver's URL with a name in it."""
    return receiver.url.replace("127.0.0.1", "localhost")


def test_many_requests_for_a_name_take_one_look_up(resolver: Resolver) -> None:
    with Transfers(rule=Guard(), resolve=resolver) as transfers:
        ended = send(transfers, *["http://silent.example/"] * 30, timeout_seconds=0.2)

    assert resolver.asked == {"silent.example": 1}
    assert {(answer.error, answer.detail) for answer in ended.values()} == {
        ("connect_timeout", "the host name was not resolved in time")
    }
    assert all(answer.duration_ms >= 200 for answer in ended.values())


def test_a_request_waits_for_its_own_name_only(resolver: Resolver) -> None:
    with OneReceiver([OK]) as receiver, Transfers(rule=Guard(receiver.targets), resolve=resolver) as transfers:
        silent = [f"http://silent-{number}.example/" for number in range(dns.LOOKUPS_LIMIT // 2)]
        for url in [*silent, by_name(receiver)]:
            transfers.start(prepared_post(url, [], b"{}"), tag=url, timeout_seconds=40)
        ended: list[tuple[object, Answer]] = []
        while not ended:
            ended = transfers.finish(wait_seconds=1)

    assert [(tag, answer.status) for tag, answer in ended] == [(by_name(receiver), 200)]


def test_more_silent_names_than_threads_still_end_in_time(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "LOOKUPS_LIMIT", 3)
    with Transfers(rule=Guard(), resolve=resolver) as transfers:
        ended = send(transfers, *[f"http://silent-{number}.example/" for number in range(9)], timeout_seconds=0.2)

    assert len(resolver.asked) == 3
    assert {answer.error for answer in ended.values()} == {"connect_timeout"}


def test_a_name_that_does_not_exist_is_a_dns_error() -> None:
    def not_found(*_asked: Any, **_more: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not found")

    with Transfers(rule=Guard(), resolve=not_found) as transfers:
        (answer,) = send(transfers, "http://nobody.example/").values()

    assert (answer.error, answer.detail) == ("dns_error", "the host name cannot be resolved")


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "again"), "the name servers gave no answer for the host name"),
        (socket.gaierror(socket.EAI_NODATA, "no address"), "the host name cannot be resolved"),
        (ValueError("embedded null character"), "the host name cannot be resolved"),
    ],
)
def test_a_name_server_that_fails_is_told_apart_from_a_name_that_is_not_there(failure: Exception, detail: str) -> None:
    def failing(*_asked: Any, **_more: Any) -> Any:
        raise failure

    with Transfers(rule=Guard(), resolve=failing) as transfers:
        (answer,) = send(transfers, "http://nobody.example/").values()

    assert (answer.error, answer.detail) == ("dns_error", detail)


def test_no_thread_looks_for_a_name_that_nobody_waits_for_any_more(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "LOOKUPS_LIMIT", 3)
    silent = [f"http://silent-{number}.example/" for number in range(9)]
    with OneReceiver([OK]) as receiver, Transfers(rule=Guard(receiver.targets), resolve=resolver) as transfers:
        assert len(send(transfers, *silent, timeout_seconds=0.2)) == 9
        resolver.over.set()
        assert send(transfers, by_name(receiver))[0].status == 200

    assert len(resolver.asked) == 3 + 1


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "xn--.example", "a..example"])
def test_a_name_that_cannot_even_be_asked_for_is_a_dns_error(name: str) -> None:
    with Transfers(rule=Guard()) as transfers:
        (answer,) = send(transfers, f"http://{name}/", timeout_seconds=60).values()

    assert answer.error in {"dns_error", "protocol_error", "connect_timeout"}


def test_addresses_are_not_looked_up(resolver: Resolver) -> None:
    with OneReceiver([OK]) as receiver, Transfers(rule=Guard(receiver.targets), resolve=resolver) as transfers:
        ended = send(transfers, receiver.url, "http://[::1]:1/", "http://127.1:1/")

    assert [ended[place].error for place in range(3)] == ["", "blocked_address", "blocked_address"]
    assert not resolver.asked


def test_steady_traffic_does_not_wait_while_its_name_is_looked_up_again(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OneReceiver([OK] * 3) as receiver, Transfers(rule=Guard(receiver.targets), resolve=resolver) as transfers:
        for _ in range(2):
            assert send(transfers, by_name(receiver))[0].status == 200
        assert resolver.asked == {"localhost": 1}
        monkeypatch.setattr(dns, "REFRESH_SECONDS", -1.0)
        resolver.hanging = "localhost"
        assert send(transfers, by_name(receiver))[0].status == 200
        wait_until(lambda: resolver.asked == {"localhost": 2})


def test_the_wait_for_a_name_counts_in_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []
    limit = Handle.limit

    def noted(handle: Handle, **limits: float) -> None:
        left.append(limits["timeout_seconds"])
        limit(handle, **limits)

    def slow(*asked: Any, **more: Any) -> Any:
        threading.Event().wait(0.3)
        return socket.getaddrinfo(*asked, **more)

    monkeypatch.setattr(Handle, "limit", noted)
    with OneReceiver([OK]) as receiver, Transfers(rule=Guard(receiver.targets), resolve=slow) as transfers:
        (answer,) = send(transfers, by_name(receiver), timeout_seconds=60).values()

    assert answer.status == 200
    assert len(left) == 1
    assert left[0] <= 60 - 0.3


def test_closing_forgets_who_waits(resolver: Resolver) -> None:
    transfers = Transfers(rule=Guard(), resolve=resolver)
    transfers.start(prepared_post("http://silent.example/", [], b"{}"), tag=1, timeout_seconds=60)
    assert transfers.in_flight == 1
    transfers.close()
    resolver.over.set()

    assert transfers.in_flight == 0
