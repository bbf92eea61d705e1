"""Receivers on loopback: nginx as the fast one, and small ones of our own that hang or take their time.

What lives here: starting them and reading what they count. It must not know deliveries.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NGINX = """
daemon off; worker_processes 1; worker_rlimit_nofile 32768; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 16384; }}
http {{
    keepalive_requests 100000000; keepalive_timeout 600s; client_body_buffer_size 64k; access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    log_format arrival '$msec $http_webhook_id';
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        location / {{ return 204; }}
        location /status {{ stub_status; }}
        location /timed {{ access_log {folder}/arrivals.log arrival buffer=64k flush=100ms; return 204; }}
    }}
    {more}
}}
"""
SECURE = """
    server {{
        {listen}
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key; ssl_session_cache off;
        location / {{ return 204; }}
        location /once {{ keepalive_timeout 0; return 204; }}
        location /status {{ stub_status; }}
    }}
"""


@dataclass(slots=True, kw_only=True)
class Nginx:
    """A receiver that answers 204 and counts; under /timed it notes each arrival."""

    port: int
    folder: Path
    _polls: int = field(default=0)

    @property
    def arrivals(self) -> Path:
        """The log of /timed: one line per request, seconds and webhook-id."""
        return self.folder / "arrivals.log"

    def url(self, number: int = 0, *, path: str = "hook") -> str:
        """Return an address of this receiver."""
        return f"http://127.0.0.1:{self.port}/{path}/{number}"

    def count(self) -> int:
        """Return how many requests came, those of this method not counted."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            text = answer.read().decode()
        self._polls += 1
        return int(text.splitlines()[2].split()[2]) - self._polls


def arrivals(receiver: Nginx, *, of: set[str], seconds: float = 30.0) -> dict[str, float]:
    """Return when each of these webhook-ids came to /timed first, in Unix seconds; the log is written with delay."""
    end = time.monotonic() + seconds
    while True:
        lines = (line.split() for line in receiver.arrivals.read_text().splitlines())
        pairs = [pair for pair in lines if len(pair) == 2]
        found = {message_id: float(moment) for moment, message_id in reversed(pairs) if message_id in of}
        if len(found) == len(of):
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{len(of) - len(found)} of {len(of)} events never arrived")
        time.sleep(0.1)


@contextmanager
def secure_nginx(folder: Path, *, hosts: int, port: int) -> Iterator[Path]:
    """Run nginx behind TLS at so many addresses of loopback, 127.0.1.1 and up; yields the authority's certificate."""
    authority = make_certificates(folder, addresses=[host_of(number) for number in range(hosts)])
    listen = " ".join(f"listen {host_of(number)}:{port} ssl;" for number in range(hosts))
    with nginx(folder, more=SECURE.format(folder=folder, listen=listen)):
        yield authority


def host_of(number: int) -> str:
    """Return the address of a secure receiver, for up to 200 of them."""
    return f"127.0.1.{number + 1}"


def make_certificates(folder: Path, *, addresses: list[str]) -> Path:
    """Write an authority and a server's key and certificate for these addresses; returns the authority's."""
    authority, key = folder / "authority.pem", ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    names = "subjectAltName=" + ",".join(f"IP:{address}" for address in addresses)
    made = (
        ("req", "-x509", *key, "-keyout", "authority.key", "-out", authority.name, "-subj", "/CN=Bench", "-days", "2"),
        ("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=receiver", "-addext", names),
        ("x509", "-req", "-in", "server.csr", "-CA", authority.name, "-CAkey", "authority.key", "-CAcreateserial",
         "-copy_extensions", "copy", "-out", "server.pem", "-days", "2"),
    )  # fmt: skip
    for words in made:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    return authority


@contextmanager
def nginx(folder: Path, *, more: str = "") -> Iterator[Nginx]:
    """Run nginx, or say that it is missing; `more` is what its configuration has besides."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
    if program is None:
        raise SystemExit("make bench needs nginx as its receiver: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, more=more))
    process = subprocess.Popen(
        [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        await_port(port)
        yield Nginx(port=port, folder=folder)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def odd_receiver(*, port: int, delay_seconds: float) -> Iterator[None]:
    """Run a receiver which answers each request after a while, in a process of its own."""
    command = [sys.executable, "-m", "bench.odd_receiver", str(port), str(delay_seconds)]
    process = subprocess.Popen(command)
    try:
        await_port(port)
        yield
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, *, seconds: float = 30.0) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nobody listens on port {port}")
