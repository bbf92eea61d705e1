"""One engine: what it sends, what it keeps open, what it never does."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.network_settings import AllowedTarget
from deliveries.outbound.client import prepared_head, prepared_post, send_one
from deliveries.outbound.guard import Guard
from deliveries.outbound.handle import header_lines
from deliveries.outbound.multi import Transfers
from deliveries.outbound.results import UNSENT
from deliveries.protocol.sending.request import Head
from tests.hostile_server import CLOSE, HostileServer
from tests.outbound.hostile_heads import END
from tests.outbound.one_receiver import OK, OneReceiver
from tests.outbound.shared import ORDINARY, engine_for, finish_all, post
from tests.outbound.test_hostile import assert_storable

# What is sent


def test_the_bytes_sent_are_the_bytes_given_and_nothing_is_added() -> None:
    body = b'{"a": 1e2, "a": "\xc3\xa9", "b": [ ] }\n\0'
    with OneReceiver([OK]) as receiver, engine_for(receiver) as transfers:
        request = prepared_post(receiver.url + "/../a%2F?q=%20", [("webhook-id", "evt_1"), ("x-empty", "")], body)
        assert send_one(request, timeout_seconds=60, transfers=transfers).status == 200

    host = receiver.url.split("/")[2]
    head, _, sent = receiver.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert head.decode().split("\r\n") == [
        "POST /in/../a%2F?q=%20 HTTP/1.1",
        f"Host: {host}",
        "webhook-id: evt_1",
        "x-empty:",
        f"Content-Length: {len(body)}",
    ]


def test_headers_that_are_written_already_are_sent_line_by_line_and_nothing_is_added() -> None:
    lines = ["authorization: Basic YTpi", "webhook-id: evt_1", "x-two: a: b"]
    with OneReceiver([OK]) as receiver, engine_for(receiver) as transfers:
        request = prepared_head(receiver.url, Head("\n".join(lines), len(lines)), b"{}")
        assert send_one(request, transfers=transfers).status == 200

    host = receiver.url.split("/")[2]
    head = receiver.requests[0].partition(b"\r\n\r\n")[0].decode()
    assert head.split("\r\n") == ["POST /in HTTP/1.1", f"Host: {host}", *lines, "Content-Length: 2"]


def test_one_that_went_to_another_url_goes_where_it_is_told() -> None:
    with OneReceiver([OK] * 4) as receiver, engine_for(receiver) as transfers:
        for path in ("/a", "/a", "/b", "/a"):
            assert send_one(prepared_post(receiver.url + path, [], b""), transfers=transfers).status == 200

    assert [each.split(b" ")[1] for each in receiver.requests] == [b"/in/a", b"/in/a", b"/in/b", b"/in/a"]


EVERY_SIGN = "/" + "".join(chr(number) for number in range(0x21, 0x7F) if chr(number) not in "#?\\")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/a%2fb", "/a%2fb"),
        ("/a%2Fb%5b", "/a%2Fb%5b"),
        ("/%41/%7e/%c3%A9?q=%2f%2F&x=%zz", "/%41/%7e/%c3%A9?q=%2f%2F&x=%zz"),
        ("/a//b/./c", "/a//b/./c"),
        ("", "/"),
        ("?a[]=1&b={x}|y", "/?a[]=1&b={x}|y"),
        ("/?", "/?"),
        ("/a?b?c=/d", "/a?b?c=/d"),
        (EVERY_SIGN, EVERY_SIGN),
        (EVERY_SIGN + "?" + EVERY_SIGN, EVERY_SIGN + "?" + EVERY_SIGN),
    ],
)
def test_the_request_line_holds_the_bytes_of_the_url(written: str, sent: str) -> None:
    with OneReceiver([OK, OK]) as receiver, engine_for(receiver) as transfers:
        for path in (written, "/plain"):
            url = receiver.url.removesuffix("/in") + path
            assert send_one(prepared_post(url, [], b""), timeout_seconds=60, transfers=transfers).status == 200

    lines = [request.split(b"\r\n")[0].decode() for request in receiver.requests]
    assert lines == [f"POST {sent} HTTP/1.1", "POST /plain HTTP/1.1"]


@pytest.mark.parametrize("host", ["a_b.alice.example", "hooks.alice.example.", "xn--bcher-kva.example"])
def test_a_host_is_named_to_the_receiver_as_it_stands_in_the_url(host: str) -> None:
    with OneReceiver([OK]) as receiver:
        resolve = lambda *_asked, **_more: [(2, 1, 6, "", ("127.0.0.1", 0))]  # noqa: E731
        with Transfers(rule=Guard(receiver.targets), resolve=resolve) as transfers:
            url = receiver.url.replace("127.0.0.1", host)
            assert send_one(prepared_post(url, [], b""), timeout_seconds=60, transfers=transfers).status == 200

    assert f"Host: {host}:{receiver.port}\r\n".encode() in receiver.requests[0]


def test_nothing_of_one_request_is_in_the_next() -> None:
    with OneReceiver([OK, OK]) as receiver, engine_for(receiver) as transfers:
        first = prepared_post(receiver.url, [("authorization", "Bearer alice")], b"the first body")
        send_one(first, timeout_seconds=60, transfers=transfers)
        send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers)

    assert b"alice" in receiver.requests[0]
    assert b"alice" not in receiver.requests[1]
    assert receiver.requests[1].endswith(b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
def test_other_methods_are_sent_as_prepared_and_leave_no_trace(method: str) -> None:
    first = OK.removesuffix(b"ok") if method == "HEAD" else OK
    with OneReceiver([first, OK]) as receiver, engine_for(receiver) as transfers:
        request = requests.Request(method, receiver.url, data=None if method in {"GET", "HEAD"} else "x").prepare()
        assert send_one(request, timeout_seconds=60, transfers=transfers).status == 200
        send_one(prepared_post(receiver.url, [], b"{}"), timeout_seconds=60, transfers=transfers)

    assert [each.split(b" ")[0] for each in receiver.requests] == [method.encode(), b"POST"]


@pytest.mark.parametrize(
    "request_",
    [
        prepared_post("http://127.0.0.1/", [("x", "a\r\nhost: evil.example")], b""),
        prepared_post("http://127.0.0.1/", [("x", "a\nb")], b""),
        prepared_head("http://127.0.0.1/", Head("y: b\nx: a\r\nhost: evil.example", 2), b""),
        prepared_head("http://127.0.0.1/", Head("y: b\nx: a\nb", 2), b""),
        prepared_head("http://127.0.0.1/", Head("y: b\nx: a\0", 2), b""),
        prepared_post("http://127.0.0.1/", [("x\0", "a")], b""),
        prepared_post("http://127.0.0.1/", [("x", "żółw")], b""),
        prepared_post("http://127.0.0.1/ó", [], b""),
        prepared_post("ftp://127.0.0.1/", [], b""),
        prepared_post("file:///etc/passwd", [], b""),
        prepared_post("gopher://127.0.0.1:6379/_FLUSHALL", [], b""),
        prepared_post("no url at all", [], b""),
        prepared_post("http://alice:hush@127.0.0.1/", [], b""),
        prepared_post("http://127.0.0.1:99999/", [], b""),
        requests.PreparedRequest(),
    ],
)
def test_what_cannot_be_sent_comes_back_as_an_error(request_: requests.PreparedRequest) -> None:
    with Transfers(rule=Guard()) as transfers:
        transfers.start(request_, tag="odd", timeout_seconds=1)
        assert transfers.in_flight == 1
        answer = finish_all(transfers)["odd"]

    assert answer.error == "protocol_error"
    assert_storable(answer)


def test_the_environment_is_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with OneReceiver([OK]) as receiver, engine_for(receiver) as transfers:
        assert send_one(prepared_post(receiver.url, [], b""), timeout_seconds=60, transfers=transfers).status == 200


# Waiting and deadlines


def test_finish_returns_at_once_with_nothing_in_flight() -> None:
    with Transfers(rule=Guard()) as transfers:
        assert transfers.finish(wait_seconds=3600) == []


def test_finish_hands_back_the_quick_before_the_slow(hostile: HostileServer, transfers: Transfers) -> None:
    transfers.start(post(hostile, "never answers"), tag="slow", timeout_seconds=3600)
    transfers.start(post(hostile), tag="quick", timeout_seconds=60)

    assert [tag for tag, _ in transfers.finish(wait_seconds=60)] == ["quick"]
    assert transfers.in_flight == 1


def test_finish_waits_no_longer_than_it_is_told(hostile: HostileServer, transfers: Transfers) -> None:
    transfers.start(post(hostile, "never answers"), tag="slow", timeout_seconds=3600)
    begun = time.monotonic()

    assert transfers.finish(wait_seconds=0.1) == [], "it waited for the answer"
    assert time.monotonic() - begun > 0.09


def test_a_deadline_is_one_requests_own(hostile: HostileServer, transfers: Transfers) -> None:
    transfers.start(post(hostile, "never answers"), tag="other", timeout_seconds=3600)
    for tenths in (2, 4, 6):
        transfers.start(post(hostile, "never answers"), tag=tenths, timeout_seconds=tenths / 10)
    took: dict[object, int] = {}
    while len(took) < 3:
        took |= {tag: answer.duration_ms for tag, answer in transfers.finish(wait_seconds=1)}

    assert all(took[tenths] >= tenths * 100 for tenths in (2, 4, 6))


def test_a_full_backlog_is_a_connect_timeout() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
    rule = Guard([AllowedTarget(ipaddress.ip_network("127.0.0.1/32"), port)])
    with Transfers(rule=rule) as transfers:
        answer = send_one(prepared_post(f"http://127.0.0.1:{port}/", [], b""), timeout_seconds=0.4, transfers=transfers)
    for each in (listener, *fillers):
        each.close()

    assert answer.error in {"connect_timeout", "deadline_exceeded"}
    assert answer.address == f"127.0.0.1:{port}"


def test_nobody_listening_is_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    rule = Guard([AllowedTarget(ipaddress.ip_network("127.0.0.1/32"), port)])
    with Transfers(rule=rule) as transfers:
        answer = send_one(prepared_post(f"http://127.0.0.1:{port}/", [], b""), timeout_seconds=60, transfers=transfers)

    assert (answer.error, answer.detail) == ("connect_refused", f"127.0.0.1:{port}: Connection refused")


# Anything at all


PIECES = [
    b"HTTP/1.1 ",
    b"200 OK",
    b"\r\n",
    b"\r\n\r\n",
    b"content-length: ",
    b"transfer-encoding: chunked\r\n",
    b"location: ",
    b"HTTP/1.1 100 C\r\n\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"\0",
    b"\xff",
    b": ",
    END,
]


@settings(max_examples=150)
@given(st.lists(st.one_of(st.binary(max_size=300), st.sampled_from(PIECES)), max_size=12))
def test_any_bytes_end_and_can_be_stored(hostile: HostileServer, transfers: Transfers, pieces: list[bytes]) -> None:
    with hostile.playing(ORDINARY, b"".join(pieces), CLOSE):
        answer = send_one(post(hostile), timeout_seconds=1, transfers=transfers)

    assert_storable(answer)


def test_plain_headers_are_what_requests_has_for_headers() -> None:
    request = prepared_post("http://127.0.0.1/", [("X-One", "1"), ("x-two", "2")], b"")
    headers = request.headers

    assert header_lines(request)[:2] == ["X-One: 1", "x-two: 2"]
    assert headers["x-ONE"] == "1"
    headers["X-TWO"] = "3"
    assert list(headers.items()) == [("X-One", "1"), ("X-TWO", "3")]
    assert header_lines(request)[:2] == ["X-One: 1", "X-TWO: 3"]


def test_headers_that_are_written_already_are_headers_too() -> None:
    request = prepared_head("http://127.0.0.1/", Head("X-One: 1\nx-two: a: b", 2), b"")
    headers = request.headers

    assert header_lines(request)[0] == "X-One: 1\r\nx-two: a: b"
    assert (headers["x-one"], headers["X-Two"]) == ("1", "a: b")
    headers["x-three"] = "3"
    assert header_lines(request)[:3] == ["X-One: 1", "x-two: a: b", "x-three: 3"]


# What is withheld


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
def test_nothing_is_sent_of_what_may_be_sent_no_longer_when_its_connection_is_there(kept: bool) -> None:
    may_send = [True]
    with (
        OneReceiver([OK] * (1 + kept), [OK]) as receiver,
        Transfers(rule=Guard(receiver.targets), may_send=lambda _tag: may_send[0]) as transfers,
    ):
        if kept:
            assert send_one(prepared_post(receiver.url, [], b"{}"), transfers=transfers).status == 200
        transfers.start(prepared_post(receiver.url, [], b"{}"), tag="withheld", timeout_seconds=60)
        may_send[0] = False
        assert finish_all(transfers) == {"withheld": UNSENT}
        may_send[0] = True
        assert send_one(prepared_post(receiver.url, [], b"{}"), transfers=transfers).status == 200

    assert len(receiver.requests) == 1 + kept


def test_nothing_is_sent_of_what_may_be_sent_no_longer_when_its_name_was_found() -> None:
    found, may_send = threading.Event(), [True]

    def resolve(*asked: Any, **_named: Any) -> Any:
        found.wait(60)
        return socket.getaddrinfo("127.0.0.1", asked[1], type=socket.SOCK_STREAM)

    with (
        OneReceiver([OK]) as receiver,
        Transfers(rule=Guard(receiver.targets), resolve=resolve, may_send=lambda _tag: may_send[0]) as transfers,
    ):
        transfers.start(
            prepared_post(receiver.url.replace("127.0.0.1", "a.example"), [], b"{}"), tag=1, timeout_seconds=60
        )
        assert transfers.finish(wait_seconds=0.0) == []
        may_send[0] = False
        found.set()
        assert finish_all(transfers) == {1: UNSENT}

    assert receiver.requests == []
