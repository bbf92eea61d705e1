"""The broker stopped, frozen, killed or emptied: it is a doorbell, so that costs time and no delivery."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.faults.calling import Caller
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import (
    arrived_ids,
    customers_of,
    duplicates,
    emit,
    endpoints_at,
    is_all_succeeded,
    leader,
)

SOON_SECONDS = 10


@pytest.mark.parametrize("web_program", [["-m", "tests.faults.patient_web"]], ids=[""])
@pytest.mark.parametrize("harm", ["stopped", "killed", "frozen"])
def test_events_are_accepted_and_delivered_without_a_broker_for_which_nobody_waits(
    cluster: Cluster, receivers: list[Counting], caller: Caller, harm: str
) -> None:
    customers = customers_of(endpoints_at(receivers[:1]))
    cluster.worker()
    before = caller.emit(customers, 20)
    cluster.eventually(lambda: arrived_ids(receivers) == before.ids, seconds=20, what="the arrival of the first")
    harm_broker(cluster, harm)
    meanwhile = caller.emit(customers, 100)
    assert not meanwhile.refusals
    cluster.eventually(is_all_succeeded, seconds=20, what="the success of all by the worker that leads")
    mend_broker(cluster, harm)
    after = caller.emit(customers, 20)
    cluster.eventually(is_all_succeeded, seconds=SOON_SECONDS, what="the success of all")
    assert arrived_ids(receivers) == before.ids | meanwhile.ids | after.ids
    assert duplicates(receivers) == 0


def test_a_dispatcher_apart_leaves_the_lead_to_a_worker_while_the_broker_is_away(
    cluster: Cluster, receivers: list[Counting], caller: Caller
) -> None:
    customers = customers_of(endpoints_at(receivers[:1]))
    apart = cluster.child("dispatcher", "manage.py", "dispatcher")
    cluster.eventually(lambda: leader(cluster), seconds=20, what="its lead")
    cluster.worker()
    before = caller.emit(customers, 1)
    cluster.eventually(lambda: arrived_ids(receivers) == before.ids, seconds=20, what="the arrival of the first")
    cluster.broker.stop()
    meanwhile = caller.emit(customers, 20)
    cluster.eventually(is_all_succeeded, seconds=20, what="the success of all by a worker that leads")
    assert arrived_ids(receivers) == before.ids | meanwhile.ids
    assert (duplicates(receivers), apart.poll()) == (0, None)


def harm_broker(cluster: Cluster, harm: str) -> None:
    """Do it."""
    if harm == "frozen":
        os.killpg(cluster.broker.pid, signal.SIGSTOP)
    else:
        (cluster.broker.stop if harm == "stopped" else cluster.broker.kill)()


def mend_broker(cluster: Cluster, harm: str) -> None:
    """Undo it."""
    if harm == "frozen":
        os.killpg(cluster.broker.pid, signal.SIGCONT)
    else:
        cluster.broker.start()


def test_a_broker_emptied_every_second_slows_nothing_down_for_long(
    cluster: Cluster, receivers: list[Counting], caller: Caller
) -> None:
    customers = customers_of(endpoints_at(receivers[:4]))
    cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    emitted: set[str] = set()
    for _ in range(4):
        cluster.broker.flush()
        started = time.monotonic()
        emitted |= caller.emit(customers, 400).ids
        cluster.eventually(lambda at=started: time.monotonic() - at >= 1, seconds=60, what="the next second")
    cluster.eventually(is_all_succeeded, seconds=SOON_SECONDS, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0


def test_a_broker_away_from_the_start_keeps_no_worker_from_starting(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    (endpoint,) = endpoints_at(receivers[:1])
    emitted = emit([endpoint], 50)
    cluster.broker.stop()
    worker = cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    cluster.broker.start()
    cluster.eventually(lambda: arrived_ids(receivers) == emitted, seconds=SOON_SECONDS, what="the arrival of all")
    assert worker.poll() is None
