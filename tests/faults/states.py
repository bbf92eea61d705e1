"""States of a database, made for real: stopped dead, read-only, full, moved to another server.

What lives here: how each state is brought about and ended, and asking a web server while it lasts. It must not know
what is asserted.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from config.embedded import Services
from tests.faults.cluster import LEAST_SECONDS, Cluster


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    json: Any
    headers: dict[str, str]


class Asker:
    """Asks the web server of a cluster, each request over a connection of its own."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.pool = ThreadPoolExecutor(64)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LEAST_SECONDS)
        sent = {"authorization": f"Bearer {self.key}", "content-type": "application/json"} | headers
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        told = json.loads(raw) if "json" in answer.headers.get("content-type", "") else raw
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, told, found)

    def insist(self, status: int, method: str, path: str, body: Any = None) -> Answer:
        """Ask until this is the answer, as somebody does who is told to come again."""
        while (answer := self(method, path, body)).status != status:
            assert answer.status == 503, answer
        return answer

    def readiness(self) -> tuple[int, str]:
        """The status of /readyz, and what it says of the database."""
        answer = self("GET", "/readyz")
        return answer.status, answer.json["database"]

    def is_served(self) -> bool:
        """Whether the web server has come up."""
        with suppress(OSError):
            return self("GET", "/healthz").status == 200
        return False

    def post(self, customer: str, *, key: str = "") -> Answer:
        """Emit an event."""
        headers = {"idempotency-key": key} if key else {}
        body = {"customer": customer, "type": "invoice.paid", "data": {}}
        return self("POST", "/api/v1/events", body, **headers)

    def begin(self, act: Any, *arguments: Any, **given: Any) -> Future[Answer]:
        """Ask on another thread."""
        return self.pool.submit(act, *arguments, **given)


@contextmanager
def frozen(server: subprocess.Popen[bytes]) -> Iterator[None]:
    """PostgreSQL stands still, with all that serve a connection: nothing is closed, and nothing answered."""
    everybody = [server.pid, *children_of(server.pid)]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in everybody:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def events_locked(cluster: Cluster) -> Iterator[None]:
    """Whoever stores an event waits inside its statement."""
    with psycopg.connect(cluster.database.database_url) as connection:
        connection.execute("LOCK TABLE hookpost_event IN EXCLUSIVE MODE")
        yield


def is_waited_for_lock(cluster: Cluster) -> bool:
    """Whether a statement waits for a lock."""
    ((count,),) = cluster.ask("SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(count)


def children_of(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def read_only(cluster: Cluster) -> Iterator[None]:
    """Every transaction is read-only, as on a standby."""
    alter(cluster, "ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        yield
    finally:
        alter(cluster, "ALTER SYSTEM RESET default_transaction_read_only")


def alter(cluster: Cluster, statement: str) -> None:
    """Change a setting of the server, and wait until it counts."""
    with psycopg.connect(cluster.database.database_url, autocommit=True) as connection:
        connection.execute(statement)
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def full(cluster: Cluster) -> Iterator[None]:
    """Strangers hold all connections that were left."""
    with ExitStack() as stack:
        with suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(cluster.database.database_url))
        yield


def held_by(cluster: Cluster, name: str) -> int:
    """How many connections the processes whose name begins so hold."""
    ((count,),) = cluster.ask(f"SELECT count(*)::int FROM pg_stat_activity WHERE application_name LIKE '{name}%'")
    assert isinstance(count, int)
    return count


class Pair:
    """A primary and its standby, each a real server; the standby takes over when told."""

    def __init__(self, primary: Services, folder: Path) -> None:
        self.primary = primary
        self.standby = Services(folder, broker=False)

    def start(self) -> None:
        """Copy the primary while it is stopped, and let the copy follow it."""
        self.primary.stop()
        there, here = self.primary.data_dir / "postgres", self.standby.data_dir / "postgres"
        self.standby.data_dir.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", str(there), str(here)], check=True)
        marker = here / "data" / "standby.signal"
        shutil.copyfile(here / "data" / "PG_VERSION", marker)
        shutil.copystat(here / "data" / "PG_VERSION", marker)
        owner = (here / "data" / "PG_VERSION").stat()
        os.chown(marker, owner.st_uid, owner.st_gid)
        host = psycopg.conninfo.conninfo_to_dict(self.primary.database_url)["host"]
        with (here / "data" / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"primary_conninfo = 'host={host} user=hookpost'\n")
        self.primary.ensure()
        self.standby.ensure()

    @property
    def url(self) -> str:
        """Both servers in one URL; whichever takes writes is wanted."""
        hosts = ",".join(
            str(psycopg.conninfo.conninfo_to_dict(each.database_url)["host"]) for each in (self.primary, self.standby)
        )
        return f"postgresql://hookpost@/hookpost?host={hosts}&target_session_attrs=read-write"

    def fail_over(self) -> None:
        """Kill the primary once the standby has all that it has, and promote the standby."""
        server = self.primary.postgres
        assert server is not None
        server.kill()
        server.wait()
        with psycopg.connect(self.standby.database_url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def has_caught_up(self) -> bool:
        """Whether the standby has the primary's last event."""
        counts = [self._events(each) for each in (self.primary, self.standby)]
        return counts[0] == counts[1]

    def events_on_standby(self) -> int:
        """How many events the server has that took over."""
        return self._events(self.standby)

    def _events(self, server: Services) -> int:
        with psycopg.connect(server.database_url) as connection:
            ((count,),) = connection.execute("SELECT count(*)::int FROM hookpost_event").fetchall()
        return int(count)

    def stop(self) -> None:
        """End the standby."""
        self.standby.stop()
