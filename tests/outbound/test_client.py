"""The doors of the engine: with our settings, for one request, for a registration."""

from __future__ import annotations

import threading

import pytest

from deliveries.conf import Conf, load
from deliveries.errors import InvalidUrl
from deliveries.outbound.client import check_target, idle_connections_for, new_transfers, prepared_post, send_one
from deliveries.outbound.multi import Transfers
from tests.hostile_server import Case, HostileServer
from tests.outbound.hostile_bodies import REDIRECTS
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import ORDINARY, engine_for, finish_all, post


@pytest.fixture
def conf(hostile: HostileServer) -> Conf:
    """Settings that allow the hostile server."""
    return load({"HOOKPOST_ALLOW_TARGETS": ",".join(f"127.0.0.1/32:{t.port}" for t in hostile.targets())})


@pytest.mark.parametrize(
    "case", [case for case in REDIRECTS if not case.error], ids=lambda case: case.name.replace(" ", "-")
)
def test_no_redirect_is_followed_or_even_read(case: Case, hostile: HostileServer, transfers: Transfers) -> None:
    before = hostile.requests.total()
    answer = send_one(post(hostile, case.name), timeout_seconds=60, transfers=transfers)

    assert answer.status == case.status
    assert hostile.requests.total() == before + 1


def test_no_cookie_is_kept() -> None:
    cookie = b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n"
    with OneReceiver([cookie, OK]) as receiver, engine_for(receiver) as transfers:
        for _ in "ab":
            send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers)

    assert b"cookie" not in receiver.requests[1].lower()


def test_a_body_that_is_no_text_or_bytes_is_refused(hostile: HostileServer, transfers: Transfers) -> None:
    request = post(hostile)
    request.body = iter([b"a", b"b"])  # type: ignore[assignment]

    assert send_one(request, timeout_seconds=60, transfers=transfers).error == "protocol_error"


def test_an_engine_may_move_to_another_thread(conf: Conf, hostile: HostileServer) -> None:
    transfers = new_transfers(conf=conf)
    transfers.start(post(hostile), tag="moved", timeout_seconds=60)
    ended: dict[object, object] = {}
    thread = threading.Thread(target=lambda: ended.update(finish_all(transfers)))
    thread.start()
    thread.join(60)
    transfers.close()

    assert list(ended) == ["moved"]


def test_one_request_needs_no_engine_of_the_caller() -> None:
    answer = send_one(prepared_post("http://127.0.0.1:9/", [], b""), timeout_seconds=60)

    assert answer.error == "blocked_address"


def test_a_target_on_the_allow_list_may_be_registered(conf: Conf, hostile: HostileServer) -> None:
    check_target("127.0.0.1", hostile.port(ORDINARY), conf=conf)
    with pytest.raises(InvalidUrl):
        check_target("127.0.0.1", 9, conf=conf)


def test_a_private_literal_may_not_be_registered_behind_a_proxy() -> None:
    conf = load({"HOOKPOST_EGRESS_PROXY": "http://proxy.example:3128"})
    with pytest.raises(InvalidUrl):
        check_target("10.0.0.1", 443, conf=conf)


@pytest.mark.parametrize(("descriptors", "idle"), [(256, 8), (1024, 32), (20_000, 512), (1_048_576, 512), (-1, 512)])
def test_idle_connections_leave_most_descriptors_free(descriptors: int, idle: int) -> None:
    assert idle_connections_for(descriptors) == idle
