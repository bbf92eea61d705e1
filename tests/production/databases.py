"""Databases that begin empty, or with tables, in the server of the tests, and commands run on them as people run them.

What lives here: making and dropping them, and one way to run `manage.py`. It must not know a table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

STOP_SECONDS = 180
CHECKOUT = Path(__file__).resolve().parents[2]
OURS = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL", "DJANGO_", "PG")
KEYS = {
    "HOOKPOST_SECRET_KEY": "only for these tests, and long enough that nobody complains",
    "HOOKPOST_ENCRYPTION_KEYS": "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One database, and what its processes are told."""

    settings: Mapping[str, str]
    checkout: Path = field(default=CHECKOUT)

    def environment(self, **others: str) -> dict[str, str]:
        """What a process finds: nothing of ours from the caller, then these settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return kept | {"HOOKPOST_DRAIN_SECONDS": "0"} | dict(self.settings) | others

    def manage(self, *arguments: str, seconds: float = 1200, **others: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.checkout, env=self.environment(**others), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    @contextmanager
    def process(self, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A process that runs as long as the block lasts, is asked to end then, and has not ended by itself."""
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=self.checkout,
                env=self.environment(),
                stdout=out,
                stderr=out,
            )
        try:
            yield process
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def is_up(port: int) -> bool:
    """Whether the web process on this port says that it lives."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def empty_database(server: str, *, form: str = "") -> Iterator[str]:
    """The URL of a new database in the server that this URL names; it goes away afterwards."""
    name = f"hookpost_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url_in(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {form}".encode())
        try:
            yield url_in(server, name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def database_with_tables(server: str) -> Iterator[str]:
    """The same, where a migrate has been."""
    with empty_database(server, form=f"TEMPLATE {migrated(server)}") as url:
        yield url


def migrated(server: str) -> str:
    """The name of this run's database that all with tables are copies of; who asks first has it made."""
    name = Path(os.environ["HOOKPOST_DATA"]).name.replace("-", "_")
    with psycopg.connect(url_in(server, "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('tables'))")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            unfinished = f"{name}_unfinished"
            connection.execute(f"CREATE DATABASE {unfinished}".encode())
            settings = {**KEYS, "DATABASE_URL": url_in(server, unfinished), "BROKER_URL": os.environ["BROKER_URL"]}
            done = Installation(settings=settings).manage("migrate", "-v0", "--skip-checks")
            assert done.returncode == 0, done.stderr
            connection.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}".encode())
    return name


def forget_migrated(server: str) -> None:
    """Drop it, from a server that stays when the run ends."""
    name = Path(os.environ["HOOKPOST_DATA"]).name.replace("-", "_")
    with psycopg.connect(url_in(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())


def url_in(server: str, name: str) -> str:
    """The URL of this database in the server that a URL names."""
    parts = {**conninfo_to_dict(server), "dbname": name}
    return f"postgresql://?{'&'.join(f'{key}={value}' for key, value in parts.items())}"
