"""A name that leads elsewhere from now on: when requests follow it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from deliveries.network_settings import AllowedTarget
from deliveries.outbound import dns
from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import finish_all, wait_until

OLD, NEW, PRIVATE = "127.0.0.2", "127.0.0.3", "10.9.9.9"


class Zone:
    """A name server with one name in it."""

    def __init__(self) -> None:
        self.leads_to = [OLD]
        self.asked = 0

    def __call__(self, _host: str, _port: int | None, **_more: Any) -> list[tuple[Any, ...]]:
        """Look the name up."""
        self.asked += 1
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in each], socket.SOCK_STREAM, 6, "", (each, 0)) for each in self.leads_to]


@pytest.fixture
def zone() -> Zone:
    """The name server."""
    return Zone()


class Server(socketserver.ThreadingTCPServer):
    """Answers every request of every connection."""

    daemon_threads = allow_reuse_address = True
    is_silent = False

    @property
    def port(self) -> int:
        """The port."""
        return int(self.server_address[1])

    @property
    def targets(self) -> list[AllowedTarget]:
        """What must be allowed to reach it, or another on loopback with the same port."""
        return [AllowedTarget(ipaddress.ip_network("127.0.0.0/8"), self.port)]


class Answering(socketserver.BaseRequestHandler):
    """Answers OK to whatever comes in one piece, or nothing."""

    server: Server

    def handle(self) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError):
            while self.request.recv(65536):
                self.request.sendall(b"" if self.server.is_silent else OK)


class Noted(Guard):
    """A guard that notes what it was asked."""

    def __init__(self, allow: Sequence[AllowedTarget]) -> None:
        super().__init__(allow)
        self.judged: set[str] = set()
        self.permitted: set[str] = set()

    def permits(self, address: str, port: int) -> bool:
        """Tell whether this address may be dialled."""
        self.judged.add(address)
        if may := super().permits(address, port):
            self.permitted.add(address)
        return may


def targets_of(refusing: socket.socket) -> list[AllowedTarget]:
    """What must be allowed to be refused at the first address, by a port that nobody listens at."""
    refusing.bind((OLD, 0))
    return [AllowedTarget(ipaddress.ip_network(OLD), refusing.getsockname()[1])]


@contextlib.contextmanager
def serving(host: str, port: int = 0) -> Iterator[Server]:
    """A server on one address of loopback."""
    with Server((host, port), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


@pytest.fixture
def old() -> Iterator[Server]:
    """The server that the name leads to at first."""
    with serving(OLD) as server:
        yield server


@pytest.fixture
def new(old: Server) -> Iterator[Server]:
    """The server that the name leads to later, on the same port."""
    with serving(NEW, old.port) as server:
        yield server


def send(transfers: Transfers, port: int, *, timeout_seconds: float = 60) -> Answer:
    """Send one request to the name."""
    request = prepared_post(f"http://hooks.alice.example:{port}/in", [], b"{}")
    return send_one(request, timeout_seconds=timeout_seconds, transfers=transfers)


def test_the_answer_of_the_name_server_is_what_is_dialled(zone: Zone, old: Server) -> None:
    with Transfers(rule=Guard(old.targets), resolve=zone) as transfers:
        assert send(transfers, old.port).address == f"{OLD}:{old.port}"


def test_a_name_that_now_leads_to_a_private_address_is_blocked(zone: Zone, old: Server) -> None:
    with Transfers(rule=Guard(), resolve=zone) as transfers:
        answer = send(transfers, old.port)

    assert (answer.error, answer.address) == ("blocked_address", f"{OLD}:{old.port}")


def test_all_addresses_of_a_name_are_tried(zone: Zone, old: Server) -> None:
    zone.leads_to = ["127.0.0.9", OLD]
    with Transfers(rule=Guard(old.targets), resolve=zone) as transfers:
        assert send(transfers, old.port).address == f"{OLD}:{old.port}"


@pytest.mark.parametrize("leads_to", [[OLD, PRIVATE], [PRIVATE, OLD]])
def test_what_became_of_the_addresses_that_were_dialled_is_told_not_that_another_was_not(
    zone: Zone, leads_to: list[str]
) -> None:
    zone.leads_to = leads_to
    with socket.socket() as refusing, Transfers(rule=Guard(targets_of(refusing)), resolve=zone) as transfers:
        port = refusing.getsockname()[1]
        answer = send(transfers, port)

    assert (answer.error, answer.address) == ("connect_refused", f"{OLD}:{port}")
    assert answer.detail == f"{OLD}:{port}: Connection refused"


@pytest.mark.parametrize("leads_to", [[OLD, PRIVATE], [PRIVATE, OLD]])
def test_a_private_address_beside_a_good_one_is_not_dialled(zone: Zone, old: Server, leads_to: list[str]) -> None:
    zone.leads_to = leads_to
    rule = Noted(old.targets)
    with Transfers(rule=rule, resolve=zone) as transfers:
        assert send(transfers, old.port).address == f"{OLD}:{old.port}"

    assert rule.permitted == {OLD}


def test_one_request_knocks_at_few_of_thousands_of_addresses(zone: Zone) -> None:
    four = [f"127.1.{place // 256}.{place % 256}" for place in range(2000)]
    six = [f"2001:db8::{place:x}" for place in range(1, 2000)]
    zone.leads_to = [*four, *six, *four]
    rule = Noted([])
    with Transfers(rule=rule, resolve=zone) as transfers:
        assert send(transfers, 8080).error == "blocked_address"

    assert rule.judged == {*four[: dns.ADDRESSES_TRIED], *six[: dns.ADDRESSES_TRIED]}


def test_the_next_attempt_goes_to_the_new_address_when_the_old_one_refuses(zone: Zone, new: Server) -> None:
    with Transfers(rule=Guard(new.targets), resolve=zone) as transfers:
        with OneReceiver([OK], host="127.0.0.4", port=new.port):
            zone.leads_to = ["127.0.0.4"]
            assert send(transfers, new.port).status == 200
        zone.leads_to = [NEW]
        refused, after = send(transfers, new.port), send(transfers, new.port)

    assert (refused.error, refused.address) == ("connect_refused", f"127.0.0.4:{new.port}")
    assert (after.status, after.address) == (200, f"{NEW}:{new.port}")


def test_steady_traffic_leaves_the_old_address_when_the_name_is_looked_up_again(
    zone: Zone, old: Server, new: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "REFRESH_SECONDS", 0.0)
    with Transfers(rule=Guard(old.targets), resolve=zone) as transfers:
        assert send(transfers, old.port).address == f"{OLD}:{old.port}"
        zone.leads_to = [NEW]
        wait_until(lambda: send(transfers, old.port).address == f"{NEW}:{new.port}")
        assert {send(transfers, old.port).address for _ in range(20)} == {f"{NEW}:{new.port}"}


def test_a_connection_lives_no_longer_than_it_may(zone: Zone, old: Server, new: Server) -> None:
    # Both addresses stay valid, as behind a name with several: nothing but its age ends the connection.
    zone.leads_to = [OLD, NEW]
    with Transfers(rule=Guard(old.targets), resolve=zone, connection_seconds=1) as transfers:
        assert send(transfers, old.port).address == f"{OLD}:{old.port}"
        zone.leads_to = [NEW, OLD]
        transfers._names._found.clear()
        wait_until(lambda: send(transfers, old.port).address == f"{NEW}:{new.port}")


def test_a_kept_connection_to_a_server_that_fell_silent_does_not_hold_the_next_attempt(
    zone: Zone, old: Server, new: Server
) -> None:
    with Transfers(rule=Guard(new.targets), resolve=zone) as transfers:
        for tag in range(3):
            request = prepared_post(f"http://hooks.alice.example:{new.port}/in", [], b"{}")
            transfers.start(request, tag=tag, timeout_seconds=60)
        assert {answer.status for answer in finish_all(transfers).values()} == {200}
        old.is_silent, zone.leads_to = True, [NEW]
        late = send(transfers, new.port, timeout_seconds=2)
        wait_until(lambda: not transfers._names._answers.empty())
        answers = [send(transfers, new.port) for _ in range(3)]

    assert (late.error, late.address) == ("deadline_exceeded", f"{OLD}:{old.port}")
    assert {answer.address for answer in answers} == {f"{NEW}:{new.port}"}


def test_a_failed_request_of_one_port_makes_no_other_port_wait(zone: Zone, old: Server) -> None:
    with Transfers(rule=Guard([*old.targets, *old.targets]), resolve=zone) as transfers:
        assert send(transfers, old.port).status == 200
        assert send(transfers, 9).error == "blocked_address"
        asked = zone.asked
        assert send(transfers, old.port).status == 200

    assert zone.asked <= asked + 1
