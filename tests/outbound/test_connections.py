"""Which connections are opened, kept, judged and closed."""

from __future__ import annotations

import ipaddress
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest

from deliveries.network_settings import AllowedTarget
from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from tests.hostile_server import CLOSE, RESET, HostileServer
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import ORDINARY, engine_for, established_from_here, finish_all, post, wait_until

# Connections


def test_a_connection_is_kept_for_the_next_request() -> None:
    with OneReceiver([OK, OK, OK]) as receiver, engine_for(receiver) as transfers:
        answers = [
            send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers) for _ in "abc"
        ]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert {answer.address for answer in answers} == {receiver.url.split("/")[2]}


def test_a_connection_closed_while_idle_is_replaced_and_nothing_is_sent_twice() -> None:
    with OneReceiver([OK], [OK]) as receiver, engine_for(receiver) as transfers:
        assert send_one(prepared_post(receiver.url, [], b"1"), timeout_seconds=60, transfers=transfers).status == 200
        assert receiver.closed.acquire(timeout=60)
        assert send_one(prepared_post(receiver.url, [], b"2"), timeout_seconds=60, transfers=transfers).status == 200

    assert [each[-1:] for each in receiver.requests] == [b"1", b"2"]


def test_a_connection_that_closes_after_every_answer_is_replaced_each_time() -> None:
    with OneReceiver(*[[OK]] * 5) as receiver, engine_for(receiver) as transfers:
        for number in range(5):
            request = prepared_post(receiver.url, [], b"%d" % number)
            assert send_one(request, timeout_seconds=60, transfers=transfers).status == 200
            assert receiver.closed.acquire(timeout=60)

    assert [each[-1:] for each in receiver.requests] == [b"0", b"1", b"2", b"3", b"4"]


def test_an_encrypted_connection_closed_while_idle_is_replaced(hostile: HostileServer, transfers: Transfers) -> None:
    before, process = hostile.requests["good tls"], psutil.Process()
    with hostile.playing("good tls", OK, CLOSE):
        for number in range(1, 4):
            assert send_one(post(hostile, "good tls"), timeout_seconds=60, transfers=transfers).status == 200
            assert hostile.requests["good tls"] == before + number
            wait_until(lambda: established_from_here(process, hostile.port("good tls")) == 0)


def test_authorities_are_read_from_any_folder(hostile: HostileServer, tmp_path: Path) -> None:
    """Given an installation in a folder of spaces and letters, for the packages' own authorities lie there too."""
    folder = tmp_path / "Höök post ж"
    folder.mkdir()
    ca_file = shutil.copy(hostile.kinds.ca_file, folder)
    with Transfers(rule=Guard(hostile.targets()), ca_file=ca_file) as transfers:
        assert send_one(post(hostile, "good tls"), timeout_seconds=60, transfers=transfers).status == 200


def test_a_request_that_was_read_and_not_answered_is_not_sent_again() -> None:
    with OneReceiver([OK, None], [OK]) as receiver, engine_for(receiver) as transfers:
        send_one(prepared_post(receiver.url, [], b"1"), timeout_seconds=60, transfers=transfers)
        answer = send_one(prepared_post(receiver.url, [], b"2"), timeout_seconds=60, transfers=transfers)

    assert (answer.error, answer.detail) == ("protocol_error", "the connection was closed without an answer")
    assert [each[-1:] for each in receiver.requests] == [b"1", b"2"]


def test_a_kept_connection_that_began_to_answer_is_not_retried() -> None:
    with OneReceiver([OK, b"HTTP/1.1 200 OK\r\n"], [OK]) as receiver, engine_for(receiver) as transfers:
        send_one(prepared_post(receiver.url, [], b"1"), timeout_seconds=60, transfers=transfers)
        answer = send_one(prepared_post(receiver.url, [], b"2"), timeout_seconds=60, transfers=transfers)

    assert answer.error == "protocol_error"
    assert [each[-1:] for each in receiver.requests] == [b"1", b"2"]


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_new_connection_that_closes_without_an_answer_is_not_retried(
    end: Any, hostile: HostileServer, transfers: Transfers
) -> None:
    before = hostile.requests[ORDINARY]
    with hostile.playing(ORDINARY, end):
        assert send_one(post(hostile), timeout_seconds=60, transfers=transfers).error == "protocol_error"

    assert hostile.requests[ORDINARY] == before + 1


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_ones() -> None:
    forged = b"HTTP/1.1 500 Forged\r\ncontent-length: 0\r\n\r\n"
    with OneReceiver([OK + forged], [OK]) as receiver, engine_for(receiver) as transfers:
        answers = [
            send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers) for _ in "ab"
        ]

    assert [answer.status for answer in answers] == [200, 200]


def test_idle_connections_shrink_back_to_their_bound(hostile: HostileServer) -> None:
    process = psutil.Process()
    with Transfers(rule=Guard(hostile.targets()), idle_connections=4) as transfers:
        for number in range(60):
            transfers.start(post(hostile), tag=number, timeout_seconds=60)
        assert all(answer.status == 200 for answer in finish_all(transfers).values())
        for _ in range(60):
            send_one(post(hostile), timeout_seconds=60, transfers=transfers)
        wait_until(lambda: established_from_here(process, hostile.port(ORDINARY)) <= 5)


def test_hanging_receivers_do_not_end_the_keep_alive_of_others(hostile: HostileServer) -> None:
    with OneReceiver([OK] * 3) as receiver:
        rule = Guard([*hostile.targets(), *receiver.targets])
        with Transfers(rule=rule, idle_connections=2) as transfers:
            for number in range(20):
                transfers.start(post(hostile, "never answers"), tag=f"hangs {number}", timeout_seconds=600)
            for number in range(3):
                transfers.start(prepared_post(receiver.url, [], b""), tag=number, timeout_seconds=60)
                assert [(tag, answer.status) for tag, answer in transfers.finish(wait_seconds=60)] == [(number, 200)]


def test_a_request_is_sent_once_however_many_connections_are_kept(hostile: HostileServer, transfers: Transfers) -> None:
    for number in range(10):
        transfers.start(post(hostile), tag=number, timeout_seconds=60)
    assert all(answer.status == 200 for answer in finish_all(transfers).values())
    before = hostile.requests[ORDINARY]
    with hostile.playing(ORDINARY, CLOSE):
        assert send_one(post(hostile), timeout_seconds=60, transfers=transfers).error == "protocol_error"

    assert hostile.requests[ORDINARY] == before + 1


def test_closing_leaves_no_descriptor_open(hostile: HostileServer) -> None:
    process = psutil.Process()
    before = process.num_fds()
    for _ in range(3):
        with Transfers(rule=Guard(hostile.targets()), ca_file=hostile.kinds.ca_file) as transfers:
            for name in (ORDINARY, "good tls", "never answers", "reads, then resets", "silent handshake"):
                transfers.start(post(hostile, name), tag=name, timeout_seconds=60)
            transfers.finish(wait_seconds=0.2)
    wait_until(lambda: process.num_fds() <= before + 2)

    assert process.num_fds() <= before + 2


def test_requests_in_flight_are_given_up_when_it_closes(hostile: HostileServer) -> None:
    transfers = Transfers(rule=Guard(hostile.targets()))
    transfers.start(post(hostile, "never answers"), tag=1, timeout_seconds=3600)
    transfers.finish(wait_seconds=0.05)
    transfers.close()

    assert transfers.in_flight == 0


# Addresses


def test_a_blocked_address_is_named_and_nothing_is_sent(hostile: HostileServer) -> None:
    before = hostile.requests[ORDINARY]
    with Transfers(rule=Guard()) as transfers:
        answer = send_one(post(hostile), timeout_seconds=60, transfers=transfers)

    place = f"127.0.0.1:{hostile.port(ORDINARY)}"
    assert (answer.error, answer.address) == ("blocked_address", place)
    assert place in answer.detail
    assert hostile.requests[ORDINARY] == before


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_no_spelling_of_loopback_gets_past_the_guard(host: str) -> None:
    with Transfers(rule=Guard()) as transfers:
        answer = send_one(prepared_post(f"http://{host}:9/", [], b""), timeout_seconds=60, transfers=transfers)

    assert answer.error == "blocked_address"


@pytest.mark.parametrize("host", ["[fe80::1%25lo]", "[::1%25lo]", "[fe80::1%251]", "%6cocalhost", "127%2e0.0.1"])
def test_a_host_with_a_scope_or_an_escape_is_never_dialled(host: str) -> None:
    everything = [AllowedTarget(ipaddress.ip_network(network), 9) for network in ("::/0", "0.0.0.0/0")]
    with Transfers(rule=Guard(everything)) as transfers:
        answer = send_one(prepared_post(f"http://{host}:9/", [], b""), timeout_seconds=60, transfers=transfers)

    assert answer.error in {"blocked_address", "protocol_error", "dns_error"}


class Once:
    """A rule that changes its mind after the first connection, as a rebinding name server would make it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def permits(self, address: str, port: int) -> bool:
        """Permit the first."""
        self.asked.append((address, port))
        return len(self.asked) == 1


def test_every_new_connection_is_judged_anew() -> None:
    rule = Once()
    with OneReceiver([OK], [OK]) as receiver, Transfers(rule=rule) as transfers:
        assert send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers).status == 200
        assert receiver.closed.acquire(timeout=60)
        answer = send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers)

    assert answer.error == "blocked_address"
    assert len(rule.asked) == 2
    assert len(receiver.requests) == 1


def test_a_name_with_one_good_address_is_reached_by_that_one_only(hostile: HostileServer) -> None:
    # localhost is 127.0.0.1 and ::1; only one of them is on the allow-list.
    url = hostile.url(ORDINARY).replace("127.0.0.1", "localhost")
    with Transfers(rule=Guard(hostile.targets())) as transfers:
        answer = send_one(prepared_post(url, [], b""), timeout_seconds=60, transfers=transfers)

    assert (answer.status, answer.address) == (200, f"127.0.0.1:{hostile.port(ORDINARY)}")


# TLS


def test_only_the_given_authorities_are_trusted(hostile: HostileServer) -> None:
    with Transfers(rule=Guard(hostile.targets())) as transfers:
        assert send_one(post(hostile, "good tls"), timeout_seconds=60, transfers=transfers).error == "tls_error"
