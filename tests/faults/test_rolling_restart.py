"""Web processes that are replaced one after the other behind HAProxy: nobody who posts events notices."""

from __future__ import annotations

import csv
import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from deliveries.services.people.api_keys import create_api_key
from tests.faults.calling import Caller, Emitted
from tests.faults.cluster import LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived_ids, customers_of, duplicates, endpoints_at, is_all_succeeded
from tests.ports import free_ports

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
RATE = int(os.environ.get("ROLLING_RATE", "500"))
DRAIN_SECONDS = 2
LONG_DRAIN_SECONDS = 300  # ended by the test, when HAProxy has heard of it
PART = 50  # events offered between two looks whether the restarts are over

# No retries and no redispatch: what a web process loses, the caller sees. A check or a connection that is slow says
# nothing against a server, on a machine that stands still now and then.
CONFIGURATION = """
defaults
    mode http
    timeout connect 240s
    timeout client 240s
    timeout server 240s
    timeout check 240s
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
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=LEAST_SECONDS) as answer:
            return answer.status, json.load(answer)["status"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["status"]
    except OSError:
        return 0, ""


def states_of(port: int) -> list[str]:
    """What HAProxy thinks of both web servers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/of-haproxy;csv", timeout=LEAST_SECONDS) as answer:
        rows = list(csv.DictReader(answer.read().decode().removeprefix("# ").splitlines()))
    return [row["status"] for row in rows if row["svname"] in ("one", "two")]


def are_both_up(port: int) -> bool:
    """Whether HAProxy sends to both web servers."""
    return states_of(port) == ["UP", "UP"]


def web(cluster: Cluster, port: int, *, drain_seconds: int = DRAIN_SECONDS) -> subprocess.Popen[bytes]:
    """A web server, ready."""
    program = ("-m", "tests.faults.patient_web", "--port", str(port))
    server = cluster.child("web", *program, drain_seconds=drain_seconds)
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
        process.wait(LEAST_SECONDS)


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

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.enough.set()
        self.caller.closing = error[0] is not None
        self.thread.join()


class SteadyLoad(Load):
    """One that posts so many events a second, by the batch, and offers none again."""

    def __init__(self, caller: Caller, customers: list[str], *, port: int, rate: int) -> None:
        super().__init__(caller, customers)
        self.port, self.rate = port, rate
        self.ids: list[str] = []
        self.refused: Counter[str] = Counter()
        self.seconds = 0.0

    def post_on(self) -> None:
        """Post a batch when it is its time; what is late is made up for."""
        began = time.monotonic()
        while not self.enough.is_set():
            self.parts.append(Emitted())
            self.post_batch()
            self.enough.wait(max(0.0, began + len(self.parts) * PART / self.rate - time.monotonic()))
        self.seconds = time.monotonic() - began

    def post_batch(self) -> None:
        """One request, over a connection of its own."""
        events = [
            {"customer": self.customers[n % len(self.customers)], "type": "invoice.paid", "data": {"n": n}}
            for n in range(PART)
        ]
        headers = {"Authorization": f"Bearer {self.caller.key}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/api/v1/events/batch"
        asked = urllib.request.Request(url, json.dumps({"events": events}).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=LEAST_SECONDS) as answer:
                self.ids += [each["id"] for each in json.load(answer)["results"]]
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            self.refused[type(error).__name__] += PART


@pytest.mark.skipif("TEST_ROLLING" not in os.environ, reason="make test-rolling")
def test_every_process_is_replaced_under_500_events_a_second(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path
) -> None:
    """Given web servers, workers and a dispatcher replaced one after the other, then nobody notices."""
    front, *ports = free_ports(3)
    customers = customers_of(endpoints_at(receivers[:2], each=5))
    servers = [web(cluster, port) for port in ports]
    others = {
        name: cluster.child(name, "manage.py", name.split("-")[0]) for name in ("worker-a", "worker-b", "dispatcher")
    }
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    with haproxy(tmp_path, port=front, servers=ports):
        cluster.eventually(lambda: readiness(front)[0] == 200, seconds=10, what="HAProxy")
        with SteadyLoad(Caller(front, key=key), customers, port=front, rate=RATE) as load:
            for server, port in zip(servers, ports, strict=True):
                load.await_parts(cluster)
                cluster.eventually(lambda: are_both_up(front), seconds=10, what="HAProxy's trust in both")
                server.send_signal(signal.SIGTERM)
                assert server.wait(LEAST_SECONDS) == 0
                web(cluster, port)
            for name, process in others.items():
                load.await_parts(cluster)
                process.send_signal(signal.SIGTERM)
                assert process.wait(LEAST_SECONDS) == 0
                cluster.child(name, "manage.py", name.split("-")[0])
            load.await_parts(cluster)
    assert load.refused == {}
    assert len(set(load.ids)) == PART * len(load.parts)
    cluster.eventually(is_all_succeeded, seconds=120, what="the success of all")
    assert arrived_ids(receivers) == set(load.ids)
    assert duplicates(receivers) == 0
    print(f"{len(load.ids)} events, {len(load.ids) / load.seconds:.0f} a second: refused 0, lost 0, doubled 0")


@pytest.mark.skipif(HAPROXY is None, reason="Debian's haproxy is not installed")
def test_a_rolling_restart_refuses_and_loses_nothing(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path
) -> None:
    """Given that a web process says so and listens on until HAProxy sends it nothing more, then nobody notices."""
    front, *ports = free_ports(3)
    customers = customers_of(endpoints_at(receivers[:2]))
    servers = [web(cluster, port, drain_seconds=LONG_DRAIN_SECONDS) for port in ports]
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
                cluster.eventually(lambda: sorted(states_of(front)) == ["DOWN", "UP"], seconds=5, what="its being left")
                assert server.poll() is None
                server.send_signal(signal.SIGTERM)
                assert server.wait(LEAST_SECONDS) == 0
                web(cluster, port)
        caller.close()
    ids = {each for part in load.parts for each in part.ids}
    assert [part.refusals for part in load.parts if part.refusals] == []
    assert len(ids) == PART * len(load.parts)
    cluster.eventually(is_all_succeeded, seconds=10, what="the success of all")
    assert arrived_ids(receivers) == ids
    assert duplicates(receivers) == 0
