"""How long each phase took, and what is left out because it did not happen."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

from deliveries.network_settings import AllowedTarget
from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer, Phases
from tests.hostile_server import HostileServer
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import engine_for, post


def asked(url: str, transfers: Transfers) -> Answer:
    """Send one request."""
    return send_one(prepared_post(url, [], b"{}"), timeout_seconds=60, transfers=transfers)


def test_an_address_needs_no_look_up_and_plain_http_no_handshake() -> None:
    with OneReceiver([OK]) as receiver, engine_for(receiver) as transfers:
        phases = asked(receiver.url, transfers).phases

    assert (phases.dns_ms, phases.tls_ms) == (None, None)
    assert phases.connect_ms is not None
    assert phases.first_byte_ms is not None


def test_a_new_encrypted_connection_has_a_handshake_and_a_kept_one_only_a_first_byte(
    hostile: HostileServer, transfers: Transfers
) -> None:
    first, second = (send_one(post(hostile, "good tls"), timeout_seconds=60, transfers=transfers) for _ in "ab")

    assert first.phases.connect_ms is not None
    assert first.phases.tls_ms is not None
    assert second.phases == Phases(first_byte_ms=second.phases.first_byte_ms)
    assert second.phases.first_byte_ms is not None
    assert second.address == first.address == f"127.0.0.1:{hostile.port('good tls')}"


def test_the_wait_for_a_name_is_its_phase_and_part_of_the_whole() -> None:
    def slow(*looked_up: Any, **more: Any) -> Any:
        threading.Event().wait(0.2)
        return socket.getaddrinfo(*looked_up, **more)

    with OneReceiver([OK]) as receiver, Transfers(rule=Guard(receiver.targets), resolve=slow) as transfers:
        answer = asked(receiver.url.replace("127.0.0.1", "localhost"), transfers)

    assert answer.status == 200
    assert answer.phases.dns_ms is not None
    assert answer.duration_ms >= answer.phases.dns_ms >= 200


def test_a_name_that_is_not_found_has_that_phase_only() -> None:
    def nowhere(*_looked_up: Any, **_more: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not found")

    with Transfers(rule=Guard(), resolve=nowhere) as transfers:
        answer = asked("http://nobody.example/", transfers)

    assert answer.phases == Phases(dns_ms=answer.duration_ms)


def test_a_refused_connection_has_no_phase_after_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    rule = Guard([AllowedTarget(ipaddress.ip_network("127.0.0.1/32"), port)])
    with Transfers(rule=rule) as transfers:
        answer = asked(f"http://127.0.0.1:{port}/", transfers)

    assert answer.error == "connect_refused"
    assert answer.phases == Phases()


def test_a_silent_receiver_has_no_first_byte(hostile: HostileServer, transfers: Transfers) -> None:
    answer = send_one(post(hostile, "never answers"), timeout_seconds=3, transfers=transfers)

    assert answer.phases.connect_ms is not None
    assert answer.phases.first_byte_ms is None
