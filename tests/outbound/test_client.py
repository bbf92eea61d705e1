"""The requests face of the engine: sessions, responses, exceptions, batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from deliveries.conf import Conf, load
from deliveries.errors import BlockedAddress, InvalidUrl
from deliveries.outbound.adapter import AnsweredResponse, CurlAdapter
from deliveries.outbound.client import (
    check_target,
    idle_connections_for,
    new_session,
    new_transfers,
    prepared_post,
    send_one,
)
from tests.hostile_server import Case, HostileServer
from tests.outbound.hostile_bodies import REDIRECTS
from tests.outbound.shared import ORDINARY, finish_all, post


@pytest.fixture
def conf(hostile: HostileServer) -> Conf:
    """Settings that allow the hostile server."""
    return load({"HOOKPOST_ALLOW_TARGETS": ",".join(f"127.0.0.1/32:{t.port}" for t in hostile.targets())})


@pytest.fixture
def session(conf: Conf, hostile: HostileServer) -> Iterator[requests.Session]:
    """A session that may reach the hostile server."""
    with new_session(conf=conf, ca_file=hostile.kinds.ca_file) as session:
        yield session


def adapter_of(session: requests.Session) -> CurlAdapter:
    """Return the session's adapter."""
    adapter = session.get_adapter("https://a.example")
    assert isinstance(adapter, CurlAdapter)
    return adapter


def test_a_session_answers_as_requests_does(session: requests.Session, hostile: HostileServer) -> None:
    response = session.post(hostile.url(ORDINARY), data=b"{}", timeout=5)

    assert isinstance(response, AnsweredResponse)
    assert (response.status_code, response.content, response.text) == (200, b"ok", "ok")
    assert response.headers["Content-Length"] == "2"
    assert response.url == hostile.url(ORDINARY)
    assert response.answer.address == f"127.0.0.1:{hostile.port(ORDINARY)}"
    assert b"".join(response.iter_content(1)) == b"ok"


@pytest.mark.parametrize(
    ("name", "exception"),
    [
        ("never answers", requests.exceptions.ReadTimeout),
        ("silent handshake", requests.exceptions.ConnectTimeout),
        ("expired", requests.exceptions.SSLError),
        ("reads, then resets", requests.exceptions.ConnectionError),
        ("noise", requests.exceptions.ConnectionError),
    ],
)
def test_an_error_is_the_exception_of_requests(
    name: str, exception: type[Exception], session: requests.Session, hostile: HostileServer
) -> None:
    with pytest.raises(exception) as raised:
        session.post(hostile.url(name), data=b"{}", timeout=0.3)
    assert "hush" not in str(raised.value)


def test_a_blocked_address_is_ours_and_theirs(hostile: HostileServer) -> None:
    with new_session(conf=load({})) as session:
        with pytest.raises(BlockedAddress):
            session.get(hostile.url(ORDINARY))
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(hostile.url(ORDINARY))


@pytest.mark.parametrize(
    "case", [case for case in REDIRECTS if not case.error], ids=lambda case: case.name.replace(" ", "-")
)
@pytest.mark.parametrize("follow", [True, False])
def test_no_redirect_is_followed_or_even_read(
    follow: bool, case: Case, session: requests.Session, hostile: HostileServer
) -> None:
    before = hostile.requests.total()
    response = session.post(hostile.url(case.name), data=b"{}", timeout=5, allow_redirects=follow)

    assert response.status_code == case.status
    assert response.history == []
    assert hostile.requests.total() == before + 1


def test_no_cookie_is_kept(session: requests.Session, hostile: HostileServer) -> None:
    session.post(hostile.url("cookies"), timeout=5)

    assert len(session.cookies) == 0


@pytest.mark.parametrize("option", [{"verify": False}, {"cert": "/a.pem"}, {"proxies": {"http": "http://127.0.0.1:1"}}])
def test_a_caller_cannot_loosen_what_is_checked(
    option: dict[str, object], session: requests.Session, hostile: HostileServer
) -> None:
    with pytest.raises(requests.RequestException, match="not the caller's to choose"):
        session.post(hostile.url(ORDINARY), timeout=5, **option)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [0.3, (0.1, 0.2), (None, 0.3), (0.3, None)])
def test_a_timeout_of_requests_is_a_total_deadline(
    timeout: float, session: requests.Session, hostile: HostileServer
) -> None:
    with pytest.raises(requests.exceptions.Timeout):
        session.post(hostile.url("dripped headers"), timeout=timeout)


def test_a_file_as_a_body_is_refused(session: requests.Session, hostile: HostileServer) -> None:
    with pytest.raises(requests.exceptions.RequestException):
        session.post(hostile.url(ORDINARY), data=iter([b"a", b"b"]), timeout=5)


def test_a_batch_is_taken_lazily_and_every_request_ends(session: requests.Session, hostile: HostileServer) -> None:
    taken = 0

    def batch() -> Iterator[requests.PreparedRequest]:
        nonlocal taken
        for name in [ORDINARY, "expired", "noise", "infinite body"] * 10:
            taken += 1
            yield prepared_post(hostile.url(name), [], b"{}")

    results = adapter_of(session).send_many(batch(), timeout_seconds=5, max_in_flight=4)
    first = next(results)
    assert taken <= 5
    rest = list(results)

    outcomes = [outcome for _, outcome in (first, *rest)]
    assert len(outcomes) == taken == 40
    assert sum(isinstance(each, requests.Response) for each in outcomes) == 20
    assert sum(isinstance(each, requests.exceptions.SSLError) for each in outcomes) == 10


def test_a_batch_left_early_leaves_nothing_for_the_next_request(
    session: requests.Session, hostile: HostileServer
) -> None:
    both = [prepared_post(hostile.url(name), [], b"{}") for name in (ORDINARY, "dripped in time")]
    results = adapter_of(session).send_many(both, timeout_seconds=30)

    assert next(results)[0] is both[0]
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.post(hostile.url("never answers"), timeout=0.5)


def test_threads_may_share_a_session(session: requests.Session, hostile: HostileServer) -> None:
    statuses: list[int] = []

    def work() -> None:
        statuses.extend(session.post(hostile.url(ORDINARY), timeout=10).status_code for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert statuses == [200] * 80


def test_an_engine_may_move_to_another_thread(conf: Conf, hostile: HostileServer) -> None:
    transfers = new_transfers(conf=conf)
    transfers.start(post(hostile), tag="moved", timeout_seconds=5)
    ended: dict[object, object] = {}
    thread = threading.Thread(target=lambda: ended.update(finish_all(transfers)))
    thread.start()
    thread.join(10)
    transfers.close()

    assert list(ended) == ["moved"]


def test_one_request_needs_no_engine_of_the_caller() -> None:
    answer = send_one(prepared_post("http://127.0.0.1:9/", [], b""), timeout_seconds=2)

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
