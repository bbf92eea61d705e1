"""Web processes that are replaced one after the other behind HAProxy: nobody who posts events notices."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deliveries.services.api_keys import create_api_key
from tests.faults.calling import Caller, Emitted
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived_ids, customers_of, duplicates, endpoints_at, is_all_succeeded
from tests.ports import free_ports

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
DRAIN_SECONDS = 2
PART = 50  # events offered between two looks whether the restarts are over

# No retries and no redispatch: what a web process loses, the caller sees. A check that is slow, by default slower than
# the tenth of a second between two, says nothing against a server.
CONFIGURATION = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout check 10s
    retries 0
    option httpchk GET /readyz
    http-check expect status 200
frontend posts
    bind 127.0.0.1:{port}
    stats enable
    stats uri /of-haproxy
    default_backend webs
backend webs
    http-reuse always
    default-server check inter 100ms fall 1 rise 2
    server one 127.0.0.1:{first}
    server two 127.0.0.1:{second}
"""


def readiness(port: int) -> tuple[int, str]:
    """The status of /readyz and the word in it; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)["status"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["status"]
    except OSError:
        return 0, ""


def are_both_up(port: int) -> bool:
    """Whether HAProxy sends to both web servers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/of-haproxy;csv", timeout=10) as answer:
        rows = list(csv.DictReader(answer.read().decode().removeprefix("# ").splitlines()))
    return [row["status"] for row in rows if row["svname"] in ("one", "two")] == ["UP", "UP"]


def web(cluster: Cluster, port: int) -> subprocess.Popen[bytes]:
    """A web server, ready."""
    server = cluster.child("web", "manage.py", "web", "--port", str(port), drain_seconds=DRAIN_SECONDS)
    cluster.eventually(lambda: readiness(port)[0] == 200, seconds=20, what="a web server that is ready")
    return server


@contextmanager
def haproxy(folder: Path, *, port: int, servers: list[int]) -> Iterator[None]:
    """Debian's HAProxy in front of two web servers."""
    assert HAPROXY
    file = folder / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(port=port, first=servers[0], second=servers[1]))
    process = subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


class Load:
    """A service that posts until told to stop."""

    def __init__(self, caller: Caller, customers: list[str]) -> None:
        self.caller, self.customers = caller, customers
        self.enough = threading.Event()
        self.parts: list[Emitted] = []
        self.thread = threading.Thread(target=self.post_on)

    def post_on(self) -> None:
        """Post a part after the other."""
        while not self.enough.is_set():
            self.parts.append(self.caller.emit(self.customers, PART))

    def await_parts(self, cluster: Cluster) -> None:
        """Wait until a part has been posted since."""
        done = len(self.parts)
        cluster.eventually(lambda: len(self.parts) > done, seconds=10, what="posts")

    def __enter__(self) -> Load:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.enough.set()
        self.caller.closing = error[0] is not None
        self.thread.join()


@pytest.mark.skipif(HAPROXY is None, reason="Debian's haproxy is not installed")
def test_a_rolling_restart_refuses_and_loses_nothing(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path
) -> None:
    """Given that a web process says so before it stops listening, then HAProxy sends it nothing more in time."""
    front, *ports = free_ports(3)
    customers = customers_of(endpoints_at(receivers[:2]))
    servers = [web(cluster, port) for port in ports]
    cluster.worker()
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    with haproxy(tmp_path, port=front, servers=ports):
        cluster.eventually(lambda: readiness(front)[0] == 200, seconds=10, what="HAProxy")
        caller = Caller(front, key=key)
        with Load(caller, customers) as load:
            for server, port in zip(servers, ports, strict=True):
                load.await_parts(cluster)
                cluster.eventually(lambda: are_both_up(front), seconds=10, what="HAProxy's trust in both")
                server.send_signal(signal.SIGTERM)
                cluster.eventually(lambda at=port: readiness(at) == (503, "draining"), seconds=5, what="the word")
                assert server.poll() is None
                assert server.wait(60) == 0
                web(cluster, port)
        caller.close()
    ids = {each for part in load.parts for each in part.ids}
    assert [part.refusals for part in load.parts if part.refusals] == []
    assert len(ids) == PART * len(load.parts)
    cluster.eventually(is_all_succeeded, seconds=10, what="the success of all")
    assert arrived_ids(receivers) == ids
    assert duplicates(receivers) == 0
