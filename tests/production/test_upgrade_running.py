"""An upgrade as the operators' page tells it, while events come in: migrate, then replace the processes.

What lives here: the previous release from this repository's history, its processes beside those of today on one
database, and a caller that never stops. A clone without that commit skips it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from standardwebhooks import Webhook

from config.embedded import Services
from config.embedded.processes import wait_until
from tests.ports import free_ports
from tests.production.databases import CHECKOUT, KEYS, Installation, is_up
from tests.production.servers import running
from tests.receiver import Receiver

PREVIOUS = os.environ.get("TEST_PREVIOUS", "e41a7d8")
PATIENCE_SECONDS = 180
PAUSE_SECONDS = 0.02
SOME = 40


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """A checkout of the previous release."""
    try:
        archive = subprocess.run(["git", "archive", PREVIOUS], cwd=CHECKOUT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"git archive {PREVIOUS}, the previous release, does not work in this copy of the repository")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "previous", filter="data")
    return tmp_path / "previous"


class Emitter:
    """A caller that posts one event after the other, and each one again until it is accepted."""

    def __init__(self, port: int, *, key: str) -> None:
        self.port = port
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Post until told to stop."""
        session = requests.Session()
        while not self.stop.wait(PAUSE_SECONDS):
            number = len(self.accepted)
            body = json.dumps({"customer": "acme", "type": "invoice.paid", "data": {"n": number}})
            try:
                said = session.post(
                    f"http://127.0.0.1:{self.port}/api/v1/events", data=body, timeout=60,
                    headers=self.headers | {"idempotency-key": f"n-{number}"},
                )  # fmt: skip
            except requests.ConnectionError:  # the web process is being replaced
                session = requests.Session()
                continue
            if said.status_code == 202:
                self.accepted.append(said.json()["id"])
            else:
                self.refused.append(f"{said.status_code} {said.text}")

    def wait_for_more(self) -> None:
        """Wait until some more events were accepted."""
        wanted = len(self.accepted) + SOME
        assert wait_until(lambda: len(self.accepted) >= wanted, seconds=PATIENCE_SECONDS), self.refused[-3:]


@contextmanager
def emitting(port: int, *, key: str) -> Iterator[Emitter]:
    """A caller on a thread of its own."""
    emitter = Emitter(port, key=key)
    thread = threading.Thread(target=emitter.run, daemon=True)
    thread.start()
    try:
        yield emitter
    finally:
        emitter.stop.set()
        thread.join(PATIENCE_SECONDS)


def post(port: int, path: str, body: object, *, key: str) -> Any:
    """What the API answers."""
    headers = {"authorization": f"Bearer {key}"}
    said = requests.post(f"http://127.0.0.1:{port}/api/v1{path}", json=body, headers=headers, timeout=60)
    assert said.ok, said.text
    return said.json()


@pytest.fixture
def servers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """An empty PostgreSQL and an empty broker."""
    with running(tmp_path_factory.mktemp("servers"), programs=None, patch=monkeypatch) as services:
        yield services


def migrate_as_before(old: Installation) -> None:
    """Make the tables of the previous release; its checks wanted tables before there were any."""
    done = old.manage("migrate", "-v0", "--skip-checks")
    if "ModuleNotFoundError" in done.stderr:
        pytest.skip(f"{PREVIOUS} wants a package that is not installed: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


def start(installation: Installation, port: int, *, stack: ExitStack, logs: Path) -> None:
    """Start web and worker until the stack is closed, and wait for the web."""
    stack.enter_context(installation.process("web", "--port", str(port), log=logs / f"web-{port}.log"))
    stack.enter_context(installation.process("worker", log=logs / f"worker-{port}.log"))
    assert wait_until(lambda: is_up(port), seconds=PATIENCE_SECONDS)


def test_nothing_is_lost_while_migrations_run_and_processes_are_replaced(
    previous: Path, servers: Services, tmp_path: Path
) -> None:
    old_port, new_port, shop_port = free_ports(3)
    settings = {
        **KEYS,
        "DATABASE_URL": servers.database_url,
        "BROKER_URL": servers.broker_url,
        "HOOKPOST_ALLOW_TARGETS": f"127.0.0.1/32:{shop_port}",
    }
    old, new = Installation(settings=settings, checkout=previous), Installation(settings=settings)
    migrate_as_before(old)
    key = old.manage("create_api_key", "setup").stdout.splitlines()[-1]
    with Receiver(shop_port) as shop, ExitStack() as of_today:
        with ExitStack() as of_before:
            start(old, old_port, stack=of_before, logs=tmp_path)
            post(old_port, "/customers", {"uid": "acme", "name": "Acme"}, key=key)
            secret = post(old_port, "/customers/acme/endpoints", {"url": shop.url}, key=key)["secret"]
            emitter = of_before.enter_context(emitting(old_port, key=key))
            emitter.wait_for_more()
            done = new.manage("migrate", "--noinput")
            assert done.returncode == 0, done.stderr
            emitter.wait_for_more()  # the old processes go on, upon tables that they do not know
            start(new, new_port, stack=of_today, logs=tmp_path)
            emitter.wait_for_more()
            emitter.port = new_port
            emitter.wait_for_more()
        assert emitter.refused == []
        wanted = set(emitter.accepted)
        assert wait_until(lambda: wanted <= ids_of(shop), seconds=PATIENCE_SECONDS), wanted - ids_of(shop)
        for request in shop.requests:
            Webhook(secret).verify(request.body, {name.lower(): value for name, value in request.headers})
    with psycopg.connect(servers.database_url) as connection:
        states = "SELECT state, count(*) FROM hookpost_delivery GROUP BY state"
        assert dict(connection.execute(states).fetchall()) == {"succeeded": len(wanted)}


def ids_of(shop: Receiver) -> set[str]:
    """The events that arrived."""
    return {str(each.header("webhook-id")) for each in list(shop.requests)}
