"""A whole installation that a test may harm: PostgreSQL, a broker, web servers and workers, each a real process.

What lives here: starting processes, ending them by pid, and waiting for a condition with a deadline. It must
not know what is asserted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.db import connections

from config.embedded import Services, processes
from tests.faults.brokers import private_broker
from tests.ports import free_ports, is_listening

CHECKOUT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.02
TIMEOUT_LIMIT = "endpoint_timeout_1_to_30_seconds"  # of receivers; those of tests may take longer
PATIENCE, LEAST_SECONDS = 4, 240  # deadlines are written for two idle cores, and decide nothing but when to give up


class Cluster:
    """The installation of one data folder, and the processes that use it."""

    def __init__(self, data_dir: Path, *, syncs: bool = True) -> None:
        self.data_dir, self.syncs = data_dir, syncs
        self.database = Services(data_dir, broker=False)
        self.broker = private_broker(data_dir)
        self.settings = {"HOOKPOST_LOG_LEVEL": "WARNING"}
        self.url = ""  # of the database as our processes are told, where it is not the server's own
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.started = 0
        (self.port,) = free_ports(1)

    def start(self) -> None:
        """Start both services and create the tables."""
        self.database.ensure()
        if not self.syncs:
            self._spare_the_disk()
        self.broker.start()
        self.run("migrate", "-v0")
        with psycopg.connect(self.database.database_url) as connection:
            connection.execute(f"ALTER TABLE hookpost_endpoint DROP CONSTRAINT {TIMEOUT_LIMIT}")

    def _spare_the_disk(self) -> None:
        """Wait for no disk from now on: what the kernel was given is there after SIGKILL, and a disk may stall."""
        with (self.data_dir / "postgres" / "data" / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\n")
        self.ask("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """End everything."""
        self.end_children()
        self.broker.stop()
        self.database.stop()

    def run(self, *arguments: str) -> None:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT, env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def worker(self, **settings: object) -> subprocess.Popen[bytes]:
        """A worker process; settings are variables without their prefix: `lease_seconds=2`."""
        return self.child("worker", "manage.py", "worker", **settings)

    def web(self, *program: str, **settings: object) -> subprocess.Popen[bytes]:
        """A web server on the port of this cluster, listening; another program than ours where one is named."""
        server = self.child("web", *(program or ("manage.py", "web")), "--port", str(self.port), **settings)
        self.eventually(lambda: is_listening(self.port), seconds=20, what="the web server")
        return server

    def child(self, name: str, *arguments: str, **settings: object) -> subprocess.Popen[bytes]:
        """A process of ours that runs this Python file or module; PostgreSQL knows it by its name."""
        self.started += 1
        name = f"{name}-{self.started}"
        with (self.data_dir / f"{name}.log").open("wb") as log:
            self.children[name] = subprocess.Popen(
                [*processes.dies_with_parent(signal.SIGTERM), sys.executable, *arguments], start_new_session=True,
                cwd=CHECKOUT, env=self.environment(name, **settings),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self.children[name]

    def environment(self, name: str = "command", **settings: object) -> dict[str, str]:
        """What our processes are told: where everything is, and the keys of the tests."""
        given = {f"HOOKPOST_{key.upper()}": str(value) for key, value in settings.items()}
        return os.environ | self.settings | given | {
            "HOOKPOST_DATA": str(self.data_dir),
            "DATABASE_URL": f"{self.url or self.database.database_url}&application_name={name}",
            "BROKER_URL": self.broker.url,
        }  # fmt: skip

    def end_children(self) -> None:
        """End all processes that were started here, also frozen ones."""
        for child in self.children.values():
            kill(child)
        self.children.clear()

    def restart_database(self, *, crash: bool = False, away_seconds: float = 0.0) -> None:
        """Restart PostgreSQL: by its fast shutdown, or by SIGKILL."""
        server = self.database.postgres
        assert server is not None
        if crash:
            kill(server)
        else:
            self.database.stop()
        time.sleep(away_seconds)
        self.database.ensure()

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Rows from the database, over a connection of its own."""
        with psycopg.connect(f"{self.database.database_url}&application_name=test") as connection:
            return connection.execute(statement).fetchall()

    def empty(self) -> None:
        """Forget all rows and messages."""
        rows = self.ask(
            "SELECT quote_ident(relname) FROM pg_class"
            " WHERE relname LIKE 'hookpost_%' AND relkind IN ('r', 'p') AND NOT relispartition"
        )
        with psycopg.connect(self.database.database_url) as connection:
            connection.execute(f"TRUNCATE {', '.join(str(name) for (name,) in rows)} CASCADE")
            connection.execute("INSERT INTO hookpost_unbroken (since) VALUES ('epoch')")
        self.broker.flush()

    def logs(self, lines: int = 15) -> str:
        """The ends of what our processes wrote."""
        ends = []
        for name in self.children:
            text = (self.data_dir / f"{name}.log").read_text(errors="replace").splitlines()[-lines:]
            ends.append("\n".join([f"--- {name}", *text]))
        return "\n".join(ends)

    def eventually(self, condition: Callable[[], object], *, seconds: float, what: str = "the condition") -> None:
        """Poll until the condition holds; fail with the processes' last words when it does not."""
        end = time.monotonic() + max(seconds * PATIENCE, LEAST_SECONDS)
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true in time\n{self.logs()}"
            time.sleep(POLL_SECONDS)


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a process and its own children by SIGKILL and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextmanager
def django_on(cluster: Cluster) -> Iterator[None]:
    """Inside, this process's own Django works on the cluster's database."""
    settings = connections.settings["default"]
    before = {name: settings[name] for name in ("NAME", "HOST", "USER")}
    connections.close_all()
    settings.update(NAME="hookpost", HOST=host_of(cluster.database.database_url), USER="hookpost")
    try:
        yield
    finally:
        connections.close_all()
        settings.update(before)


def host_of(url: str) -> str:
    """The folder of the socket in a URL of the embedded PostgreSQL."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["host"])
