"""The web server killed amid what our own clients emit: each event that a program emitted is stored, and once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from clients.generate import OPENAPI_TYPESCRIPT
from deliveries.models import Delivery, Event
from deliveries.services.people.api_keys import create_api_key
from tests.clients.made import python_client, typescript_client
from tests.clients.steps import HERE
from tests.faults.cluster import LEAST_SECONDS, Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import customers_of, endpoints_at

KILLS = 3
HAS_NODE = OPENAPI_TYPESCRIPT.exists() and shutil.which("node") is not None
EVENTS = {"sync": 500, "async": 500} | ({"typescript": 200} if HAS_NODE else {})
Command = list[str | Path]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    """How to start the program of each client; they emit four events at a time."""
    folder = python_client(tmp_path_factory)
    program = shutil.copy(HERE / "jobs" / "emit_many.py", folder)
    made: dict[str, Command] = {way: [sys.executable, program, way] for way in ("sync", "async")}
    if HAS_NODE:
        made["typescript"] = ["node", typescript_client(tmp_path_factory) / "emit_many.js"]
    return made


@pytest.fixture
def arguments(cluster: Cluster, receivers: list[Counting]) -> dict[str, list[str]]:
    """What follows the command of each: where the server is, a key, a customer with an endpoint, how many events."""
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    customers = customers_of(endpoints_at(receivers[:1], each=len(EVENTS)))
    url = f"http://127.0.0.1:{cluster.port}"
    return {way: [url, key, to, str(EVENTS[way])] for way, to in zip(EVENTS, customers, strict=True)}


@contextmanager
def started(command: Command, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs, and is ended with the test."""
    with said.open("wb") as file, subprocess.Popen(command, stdout=file) as program:
        try:
            yield program
        finally:
            program.kill()


def test_a_server_killed_amid_emits_loses_none_of_them_and_stores_none_twice(
    cluster: Cluster, commands: dict[str, Command], arguments: dict[str, list[str]], tmp_path: Path
) -> None:
    cluster.web()
    with ExitStack() as stack:
        running = [stack.enter_context(started([*commands[way], *arguments[way]], tmp_path / way)) for way in EVENTS]
        kills_in_time = 0
        for number in range(1, KILLS + 1):
            enough = sum(EVENTS.values()) * number // (KILLS + 1)
            cluster.eventually(lambda at=enough: Event.objects.count() >= at, seconds=60, what="a part of the events")
            kill(next(child for child in cluster.children.values() if child.poll() is None))
            kills_in_time += any(each.poll() is None for each in running)
            cluster.web()
        assert [each.wait(2 * LEAST_SECONDS) for each in running] == [0] * len(running)
    answered = Counter(line for way in EVENTS for line in (tmp_path / way).read_text().split())
    assert kills_in_time
    assert answered == Counter(event.public_id for event in Event.objects.all())
    stored = Counter((each.customer_id, json.loads(bytes(each.body))["data"]["number"]) for each in Event.objects.all())
    assert set(stored.values()) == {1}
    assert len(stored) == Delivery.objects.count() == sum(EVENTS.values())
