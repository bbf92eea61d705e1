"""The shipped configuration of nginx, in Debian's nginx: what it keeps back, and what it says about callers."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.ports import free_ports, is_listening

SHIPPED = Path(__file__).resolve().parents[2] / "docker" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
DRIPS = 40
START_SECONDS = 120
SERVER_CLOSES_SECONDS = 30  # `manage.py web`, without a next request; docs/operations.md says so

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine: apt-get install nginx-light")


@dataclass
class Behind:
    """What stands behind the proxy: it keeps what it was asked."""

    port: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0


@dataclass
class Proxy:
    """A running nginx."""

    port: int
    tls: ssl.SSLContext

    def connect(self) -> ssl.SSLSocket:
        """Open a connection as the outside does."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS)
        return self.tls.wrap_socket(plain, server_hostname="hooks.example.com")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        """Return the status of a whole request."""
        client = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        with closing(client):
            client.sock = self.connect()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            client.request(method, path, body, {"host": "hooks.example.com", **named})
            return client.getresponse().status


@pytest.fixture
def behind() -> Iterator[Behind]:
    """A server in the place of `manage.py web`."""
    seen = Behind()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            seen.connections += 1
            super().setup()

        def do_POST(self) -> None:
            seen.asked.append({name.lower(): value for name, value in self.headers.items()})
            seen.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        seen.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield seen
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(behind: Behind, tmp_path: Path) -> Iterator[Proxy]:
    """Debian's nginx with the shipped file, on ports and with a certificate of this test."""
    port, plain_port = free_ports(2)
    authority = trustme.CA()
    certificate = authority.issue_cert("hooks.example.com")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    text = SHIPPED.read_text()
    for before, after in (
        ("server web:8000;", f"server 127.0.0.1:{behind.port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("/etc/nginx/certs/fullchain.pem", str(tmp_path / "both.pem")),
        ("/etc/nginx/certs/privkey.pem", str(tmp_path / "both.pem")),
    ):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "site.conf").write_text(text)
    with running(tmp_path, port):
        tls = ssl.create_default_context()
        authority.configure_trust(tls)
        yield Proxy(port, tls)


@contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    """Inside, nginx runs in a folder of its own and listens."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "main.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
        f" http {{ access_log off; {places} include {folder}/site.conf; }}"
    )
    assert NGINX is not None
    as_root = ["-g", "user root;"] if os.geteuid() == 0 else []
    command = [NGINX, "-p", str(folder), "-c", f"{folder}/main.conf", "-e", f"{folder}/error.log", *as_root]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command)
    end = time.monotonic() + START_SECONDS
    try:
        while not is_listening(port):
            assert time.monotonic() < end, "nginx does not listen"
        yield
    finally:
        process.terminate()
        process.wait()


def begin(proxy: Proxy, head: bytes) -> ssl.SSLSocket:
    """Send a head and the first byte of a body."""
    connection = proxy.connect()
    connection.sendall(b"POST /api/v1/events HTTP/1.1\r\nhost: hooks.example.com\r\n" + head)
    return connection


def test_what_a_caller_writes_about_itself_is_dropped(proxy: Proxy, behind: Behind) -> None:
    written = {"x_forwarded_for": "198.51.100.7, 203.0.113.9", "x_forwarded_proto": "http", "connection": "x-real"}
    assert proxy.ask("GET", "/portal/", **written) == 202
    (asked,) = behind.asked
    assert (asked["x-forwarded-for"], asked["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert asked["host"] == "hooks.example.com"


def test_a_header_that_is_another_to_servers_only_is_dropped(proxy: Proxy, behind: Behind) -> None:
    """Given X_Forwarded_For, which WSGI cannot tell from X-Forwarded-For, then it does not get that far."""
    with closing(http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=START_SECONDS)) as client:
        client.sock = proxy.connect()
        spoken = {"X-Forwarded-For": "203.0.113.9", "X_Forwarded_For": "203.0.113.9", "X_FORWARDED_PROTO": "http"}
        client.request("GET", "/portal/", headers={"Host": "hooks.example.com", **spoken})
        assert client.getresponse().status == 202
    (asked,) = behind.asked
    assert [name for name in asked if "_" in name] == []
    assert asked["x-forwarded-for"] == "127.0.0.1"


def test_bodies_that_drip_reach_nobody_behind_it_until_they_are_whole(proxy: Proxy, behind: Behind) -> None:
    with ExitStack() as stack:
        dripping = [stack.enter_context(begin(proxy, b"content-length: 3\r\n\r\na")) for _ in range(DRIPS // 2)]
        for _ in range(DRIPS // 2):
            stack.enter_context(begin(proxy, b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n"))
        assert proxy.ask("POST", "/api/v1/events", b"{}") == 202
        assert (behind.bodies, behind.connections) == ([b"{}"], 1)
        dripping[0].sendall(b"bc")
        assert dripping[0].recv(64).startswith(b"HTTP/1.1 202")
    assert behind.bodies == [b"{}", b"abc"]


def test_forms_of_strangers_are_small(proxy: Proxy, behind: Behind) -> None:
    for path in ("/admin/login/", "/portal/login/", "/portal-link", "/portal/welcome/x/y/"):
        assert proxy.ask("POST", path, b"a" * 20_000) == 413
    assert behind.bodies == []


def test_the_metrics_stay_inside(proxy: Proxy, behind: Behind) -> None:
    assert proxy.ask("GET", "/metrics") == 404
    assert behind.asked == []


def test_a_whole_batch_passes(proxy: Proxy, behind: Behind) -> None:
    from deliveries.conf import conf

    body = b"a" * conf.batch_body_limit_bytes
    assert proxy.ask("POST", "/api/v1/events/batch", body) == 202
    assert len(behind.bodies[0]) == len(body)


@pytest.mark.parametrize("name", ["nginx.conf", "cells/nginx.conf"])
def test_connections_that_are_kept_are_closed_before_the_server_closes_them(name: str) -> None:
    """Given a post that meets the server's own end of an idle connection, then nginx may not send it again: a 502."""
    text = (SHIPPED.parent / name).read_text()
    closes = re.findall(r"^    keepalive \d+;\n    keepalive_timeout (\d+)s;", text, re.MULTILINE)
    assert len(closes) == len(re.findall(r"^upstream ", text, re.MULTILINE))
    assert all(int(seconds) < SERVER_CLOSES_SECONDS for seconds in closes)


def test_the_doors_of_the_proxy_are_the_forms_that_strangers_may_send() -> None:
    from tests.security.test_every_address import OPEN

    shipped = re.search(r"location ~ (\^.+) \{", SHIPPED.read_text())
    assert shipped
    forms = {f"/{place}" for place in OPEN if place.startswith(("admin/", "portal"))} - {"/portal/brand/x/"}
    assert {place for place in forms if re.match(shipped[1], place)} == forms
    framed = {f"/embedded{place}" for place in forms if place.startswith("/portal")}
    assert {place for place in framed if re.match(shipped[1], place)} == framed
    for place in ("/admin/", "/portal/profile/", "/portal/brand/x/", "/portal/members/", "/api/v1/events"):
        assert not re.match(shipped[1], place)
