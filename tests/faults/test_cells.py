"""A customer moves to another cell under load, its mover is killed, and nobody notices more than a pause."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deliveries.models import Customer
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.api_keys import create_api_key
from tests.faults.calling import RETRY_SECONDS, Caller, Emitted
from tests.faults.cells import HAPROXY, SecondCell, nginx_router, router, second_cell
from tests.faults.cluster import CHECKOUT, LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import emit
from tests.faults.test_rolling_restart import Load
from tests.ports import free_ports

pytestmark = [
    pytest.mark.skipif(HAPROXY is None, reason="Debian's haproxy is not installed"),
    pytest.mark.skipif(
        os.environ.get("BROKER_URL", "").startswith("amqp"), reason="both cells have a database of one Valkey"
    ),
]

# Small here; `make test-cells` moves a large one, and kills the mover at every stage.
LOGGED = int(os.environ.get("CELLS_LOGGED", "300"))
WAITING = int(os.environ.get("CELLS_WAITING", "200"))
ROUTER = nginx_router if os.environ.get("CELLS_ROUTER") == "nginx" else router
BATCH = int(os.environ.get("CELLS_BATCH", "1"))  # events of a post: one caller alone cannot post many a second
RATE = float(os.environ.get("CELLS_RATE", "inf"))  # events a second at most
KILLED_AT = list(filter(None, os.environ.get("CELLS_KILLED_AT", "sending stopped").split(",")))
END_LOG = """
WITH gone AS (DELETE FROM hookpost_due_delivery RETURNING delivery_id, endpoint_id), tried AS (
    INSERT INTO hookpost_attempt (
        id, delivery_id, endpoint_id, started_at, duration_ms, number, status_code, truncated, actor, reason, error,
        detail, address, response_headers, response_body
    )
    SELECT delivery_id, delivery_id, endpoint_id, now(), 5, 1, 204, false, '', '', '', '', '127.0.0.1', '', '' FROM gone
)
UPDATE hookpost_delivery d SET state = 'succeeded', attempts = 1, status_code = 204, finished_at = now(),
    next_attempt_at = NULL
FROM gone WHERE d.id = gone.delivery_id RETURNING d.id
"""


class BatchCaller(Caller):
    """Posts several events at once, in order, no faster than so many a second; what got no 202 is offered again."""

    def __init__(self, port: int, *, key: str, customer: str) -> None:
        super().__init__(port, key=key, threads=1)  # one after the other: so there is an order to be kept
        self.customer, self.next_at = customer, time.monotonic()

    def _insist(self, customer: str, number: int) -> tuple[str, list[str]]:
        events = [
            {"customer": customer, "type": "invoice.paid", "data": {"number": [number, place]}}
            for place in range(BATCH)
        ]
        body, key, refusals = json.dumps({"events": events, "atomic": True}).encode(), uuid.uuid4().hex, list[str]()
        self.next_at = max(self.next_at + BATCH / RATE, time.monotonic() - 1)
        time.sleep(max(0.0, self.next_at - time.monotonic()))
        while not self.closing:
            status, answer = self._post(body, key, path="/api/v1/events/batch")
            if status == "202":
                self.accepted += [each["id"] for each in answer["results"]]
                return self.accepted[-1], refusals
            refusals.append(status)
            assert status[0] != "4" or status == "409", answer
            time.sleep(RETRY_SECONDS)
        raise AssertionError("the test is over")


@pytest.fixture
def cell_b(cluster: Cluster, tmp_path: Path) -> Iterator[SecondCell]:
    """A second cell beside the cluster."""
    with second_cell(cluster, tmp_path) as cell:
        yield cell


def mover(cluster: Cluster, customer: Customer, options: list[str]) -> subprocess.Popen[str]:
    """The command, whose lines can be read one by one."""
    command = [sys.executable, "manage.py", "move_customer", customer.public_id, "--to", "b", *options]
    return subprocess.Popen(command, cwd=CHECKOUT, env=cluster.environment("mover"), text=True, stdout=subprocess.PIPE)


def killed_at(step: str, process: subprocess.Popen[str]) -> list[str]:
    """Read the mover's lines and kill it at the first one of this step; its lines."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1].startswith(step):
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    process.wait()
    return lines


def finished(cluster: Cluster, customer: Customer, options: list[str]) -> list[str]:
    """Let the mover run to its end; its lines."""
    process = mover(cluster, customer, options)
    said, _ = process.communicate(timeout=2 * LEAST_SECONDS)
    assert process.returncode == 0, said
    return said.splitlines()


def is_all_there(cell: SecondCell, customer: Customer, count: int) -> bool:
    """Whether all events are in the other cell's log and have arrived, and nothing waits."""
    asked = f"""
        SELECT (SELECT count(*) FROM hookpost_event WHERE customer_id = '{customer.id}'),
            (SELECT count(*) FROM hookpost_delivery WHERE customer_id = '{customer.id}' AND state = 'succeeded'),
            (SELECT count(*) FROM hookpost_due_delivery)
    """
    return cell.ask(asked) == [(count, count, 0)]


def test_a_customer_moves_under_load_by_a_mover_that_is_killed(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given events all the while and a killed mover, then each is delivered once, in order, and none stays behind."""
    customer = Customer.objects.create(name="Acme", uid="acme")
    endpoint, _ = create_endpoint(customer, {"url": receivers[0].url, "ordered": True}, actor="user:alice")
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    logged = emit([endpoint], LOGGED)
    assert len(cluster.ask(END_LOG)) == LOGGED
    waiting = emit([endpoint], WAITING)
    cell_b: SecondCell = request.getfixturevalue("cell_b")
    with ExitStack() as stack:
        (front,) = free_ports(1)
        cluster.web()
        cell_b.web()
        options = stack.enter_context(ROUTER(tmp_path, port=front, a=cluster.port, b=cell_b.port))
        caller = BatchCaller(front, key=key, customer=customer.public_id)
        began = time.monotonic()
        load = stack.enter_context(Load(caller, [customer.public_id]))
        load.await_parts(cluster)
        cluster.worker()
        cell_b.worker()
        for step in KILLED_AT:
            lines = killed_at(step, mover(cluster, customer, options))
            assert lines[-1].startswith(step), lines
        said = finished(cluster, customer, options)
        load.await_parts(cluster)
        seconds = time.monotonic() - began
    caller.close()
    posted = set(caller.accepted)
    ids = waiting | posted
    seconds_left = 60 + len(ids) / 100  # one at a time: the endpoint is ordered
    number = len(ids | logged)
    cell_b.eventually(lambda: is_all_there(cell_b, customer, number), seconds=seconds_left, what="the arrival of all")
    came = [request.header("webhook-id") for request in receivers[0].requests]
    assert set(came) == ids
    assert len(came) == len(ids)
    assert came == [*sorted(waiting), *caller.accepted]
    assert cluster.ask("SELECT count(*) FROM hookpost_event") == [(0,)]
    assert "is in b" in said[-1]
    print(f"{len(posted) / seconds:.0f} events/s, refused meanwhile {sum(map(refused, load.parts))}; {said[-1]}")
    print(f"the receiver heard nothing for {longest_silence(receivers[0]):.2f} s at most")


def longest_silence(receiver: Counting) -> float:
    """Seconds between two that came one after the other."""
    moments = sorted(receiver.moments.values())
    return max(later - sooner for sooner, later in itertools.pairwise(moments))


def refused(part: Emitted) -> int:
    """How many posts were refused, and offered again."""
    return sum(part.refusals.values())
