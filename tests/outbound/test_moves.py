"""A name that leads elsewhere from now on: when requests follow it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from deliveries.network_settings import AllowedTarget
from deliveries.outbound import dns
from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answer import Answer
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import finish_all, wait_until

OLD, NEW = "127.0.0.2", "127.0.0.3"


class Zone:
    """A name server with one name in it."""

    def __init__(self) -> None:
        self.leads_to = [OLD]
        self.asked = 0

    def __call__(self, _host: str, _port: int | None, **_more: Any) -> list[tuple[Any, ...]]:
        """Look the name up."""
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.leads_to]


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


@contextlib.contextmanager
def serving(host: str, port: int = 0) -> Iterator[Server]:
    """A server on one address of loopback."""
    with Server((host, port), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


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


def send(transfers: Transfers, port: int, *, timeout_seconds: float = 5) -> Answer:
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
            transfers.start(request, tag=tag, timeout_seconds=5)
        assert {answer.status for answer in finish_all(transfers).values()} == {200}
        old.is_silent, zone.leads_to = True, [NEW]
        late = send(transfers, new.port, timeout_seconds=0.2)
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
