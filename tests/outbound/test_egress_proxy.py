"""With an egress proxy every request goes through it, or not at all."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest

from deliveries.conf import load
from deliveries.errors import InvalidUrl
from deliveries.outbound import client, reach
from deliveries.outbound.client import check_target, new_transfers, prepared_post, send_one
from deliveries.outbound.guard import Guard, ProxyOnly
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from tests.hostile_server import HostileServer
from tests.outbound.shared import ORDINARY, post

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Proxy:
    """Answers what `answer` says, or opens a tunnel; remembers the heads of the requests."""

    answer: bytes = b""
    heads: list[str] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def place(self) -> str:
        """Return its host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Return its port."""
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        """Take connections until the listener closes."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head = connection.recv(65536).decode()
            self.heads.append(head)
            if self.answer or not head.startswith("CONNECT"):
                connection.sendall(self.answer or OK)
                return
            host, port = head.split(" ")[1].rsplit(":", 1)
            with socket.create_connection((host, int(port))) as target:
                connection.sendall(b"HTTP/1.1 200 Connected\r\nx-proxy: 1\r\n\r\n")
                threading.Thread(target=_copy, args=(target, connection), daemon=True).start()
                _copy(connection, target)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy that tunnels and, for plain http, answers itself."""
    proxy = Proxy()
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    yield proxy
    proxy.listener.shutdown(socket.SHUT_RDWR)
    proxy.listener.close()
    thread.join(60)


def send_by(proxy_url: str, url: str, hostile: HostileServer) -> Answer:
    """Send one request by a proxy, with the hostile server's addresses allowed as literals."""
    rule, literals = ProxyOnly(proxy_url), Guard(hostile.targets())
    with Transfers(rule=rule, literals=literals, proxy=proxy_url, ca_file=hostile.kinds.ca_file) as transfers:
        return send_one(prepared_post(url, [("x-secret", "hush")], b"{}"), timeout_seconds=60, transfers=transfers)


def test_https_goes_through_a_tunnel_that_sees_no_header(proxy: Proxy, hostile: HostileServer) -> None:
    answer = send_by(f"http://alice:word@{proxy.place}", hostile.url("good tls"), hostile)

    assert (answer.status, answer.body, answer.address) == (200, b"ok", proxy.place)
    assert answer.header("x-proxy") is None
    assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{hostile.port('good tls')} ")
    assert "Proxy-Authorization: Basic" in proxy.heads[0]
    assert "hush" not in proxy.heads[0]


def test_http_names_are_left_for_the_proxy_to_resolve(proxy: Proxy, hostile: HostileServer) -> None:
    answer = send_by(f"http://{proxy.place}", "http://hooks.alice.example/in", hostile)

    assert answer.status == 200
    assert proxy.heads[0].startswith("POST http://hooks.alice.example/in ")


def test_a_proxy_gets_the_bytes_of_the_url_too(proxy: Proxy, hostile: HostileServer) -> None:
    send_by(f"http://{proxy.place}", "http://hooks.alice.example/a%2fb?c[]=%2f", hostile)

    assert proxy.heads[0].startswith("POST http://hooks.alice.example/a%2fb?c[]=%2f HTTP/1.1\r\n")


def test_the_proxys_password_is_not_sent_to_the_receiver(hostile: HostileServer, proxy: Proxy) -> None:
    send_by(f"http://alice:word@{proxy.place}", "http://hooks.alice.example/in", hostile)

    assert [line for line in proxy.heads[0].split("\r\n") if line.lower().startswith("authorization")] == []


@pytest.mark.parametrize(
    "refusal", [b"HTTP/1.1 403 No\r\n\r\n", b"HTTP/1.1 407 Who\r\n\r\n", b"HTTP/1.1 502 Bad\r\n\r\n"]
)
def test_a_proxy_that_refuses_is_a_proxy_error(refusal: bytes, proxy: Proxy, hostile: HostileServer) -> None:
    proxy.answer = refusal
    answer = send_by(f"http://{proxy.place}", hostile.url("good tls"), hostile)

    assert answer.error == "proxy_error"
    assert refusal[9:12].decode() in answer.detail


@pytest.mark.parametrize("nonsense", [b"nonsense", b"\0\0\0", b"HTTP/1.1 200"])
def test_a_proxy_that_talks_nonsense_is_a_proxy_error(nonsense: bytes, proxy: Proxy, hostile: HostileServer) -> None:
    proxy.answer = nonsense

    assert send_by(f"http://{proxy.place}", hostile.url("good tls"), hostile).error == "proxy_error"


def test_there_is_no_direct_way_when_the_proxy_is_down(hostile: HostileServer) -> None:
    before = hostile.requests[ORDINARY]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
    answer = send_by(gone, hostile.url(ORDINARY), hostile)

    assert answer.error == "proxy_error"
    assert "refused" in answer.detail
    assert hostile.requests[ORDINARY] == before


def test_there_is_no_direct_way_when_the_proxys_name_is_unknown(hostile: HostileServer) -> None:
    assert send_by("http://proxy.invalid:3128", hostile.url(ORDINARY), hostile).error == "proxy_error"


def test_no_proxy_of_the_environment_is_no_way_around(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, hostile: HostileServer
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    send_by(f"http://{proxy.place}", hostile.url(ORDINARY), hostile)

    assert len(proxy.heads) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "127.1", "0x7f000001"])
def test_a_private_literal_never_reaches_the_proxy(host: str, proxy: Proxy) -> None:
    conf = load({"HOOKPOST_EGRESS_PROXY": f"http://{proxy.place}"})
    with new_transfers(conf=conf) as transfers:
        answer = send_one(prepared_post(f"http://{host}/", [], b""), timeout_seconds=60, transfers=transfers)

    assert answer.error == "blocked_address"
    assert proxy.heads == []


def test_behind_a_proxy_a_name_may_be_registered_that_only_the_proxy_knows() -> None:
    asked: list[str] = []

    def resolve(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        raise OSError("no such name")

    conf = load({"HOOKPOST_EGRESS_PROXY": "http://proxy.example:3128"})
    check_target("only-the-proxy-knows.invalid", 443, conf=conf, resolve=resolve)
    assert asked == []
    with pytest.raises(InvalidUrl):
        check_target("only-the-proxy-knows.invalid", 443, conf=load({}), resolve=resolve)
    assert asked == ["only-the-proxy-knows.invalid"]


def test_a_kept_tunnel_is_used_again(proxy: Proxy, hostile: HostileServer) -> None:
    url = f"http://{proxy.place}"
    ca_file = hostile.kinds.ca_file
    with Transfers(rule=ProxyOnly(url), literals=Guard(hostile.targets()), proxy=url, ca_file=ca_file) as transfers:
        for _ in range(3):
            assert send_one(post(hostile, "good tls"), timeout_seconds=60, transfers=transfers).status == 200

    assert len(proxy.heads) == 1


def turning() -> Any:
    """Return a resolver that gives another address with each answer; the proxy is at the first."""
    turns = cycle(["127.0.0.1", "127.0.0.9"])

    def resolve(_host: str, _port: int | None, **_more: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(turns), 0))]

    return resolve


def test_a_proxy_whose_name_server_takes_turns_is_reached(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = ProxyOnly(f"http://proxy.example:{proxy.port}", resolve=turning())
    monkeypatch.setattr(client, "ProxyOnly", lambda _url: rule)
    conf = load({"HOOKPOST_EGRESS_PROXY": f"http://proxy.example:{proxy.port}"})
    with new_transfers(conf=conf) as transfers:
        answer = send_one(prepared_post("http://hooks.example/in", [], b"{}"), transfers=transfers)

    assert (answer.status, answer.error) == (200, "")


def test_a_look_at_a_url_goes_to_the_proxy_that_was_looked_up(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = ProxyOnly(f"http://proxy.example:{proxy.port}", resolve=turning())
    monkeypatch.setattr(reach, "ProxyOnly", lambda _url: rule)
    conf = load({"HOOKPOST_EGRESS_PROXY": f"http://proxy.example:{proxy.port}"})

    assert reach.try_connection("http://hooks.example/in", conf=conf).error == ""


def test_a_look_at_a_url_says_that_the_proxys_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = ProxyOnly("http://proxy.example:3128", resolve=lambda *_, **__: [])
    monkeypatch.setattr(reach, "ProxyOnly", lambda _url: rule)
    conf = load({"HOOKPOST_EGRESS_PROXY": "http://proxy.example:3128"})
    ended = reach.try_connection("http://hooks.example/in", conf=conf)

    assert (ended.error, ended.detail) == ("proxy_error", "the egress proxy's name cannot be resolved")
