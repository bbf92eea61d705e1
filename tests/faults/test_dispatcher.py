"""Several dispatchers: one leads, and when it dies another one does. The one rings in each of its rounds."""

from __future__ import annotations

import time

from deliveries.engine.dispatcher import TICK_SECONDS
from tests.faults.bells import rung
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import arrived_ids, emit, endpoints_at, leader

ROUNDS = 8


def test_a_killed_leader_is_replaced_at_once(cluster: Cluster, receivers: list[Counting]) -> None:
    endpoints = endpoints_at(receivers[:2])
    for _ in range(2):
        cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a leader")
    dead = leader(cluster)
    kill(cluster.children[dead])
    emitted = emit(endpoints, 50)
    cluster.eventually(lambda: arrived_ids(receivers) == emitted, seconds=10, what="the arrival of all")
    cluster.eventually(lambda: leader(cluster) not in ("", dead), seconds=20, what="another leader")
    assert arrived_ids(receivers) == emitted
    assert leader(cluster) in set(cluster.children) - {dead}


def test_of_two_dispatchers_one_rings(cluster: Cluster, receivers: list[Counting]) -> None:
    endpoints = endpoints_at(receivers[:1], each=5)
    for _ in range(2):
        cluster.child("dispatcher", "manage.py", "dispatcher")
    cluster.eventually(lambda: both_ask(cluster), seconds=20, what="the presence of two dispatchers")
    with rung(cluster) as bells:
        began = time.monotonic()  # before there is anything to ring for: what is heard late counts for all that time
        emit(endpoints, 10)
        cluster.eventually(lambda: len(bells()) == 5, seconds=10, what="the first ringing")
        cluster.eventually(lambda: max(bells().values()) >= ROUNDS, seconds=20, what="more ringing")
        heard, seconds = max(bells().values()), time.monotonic() - began
        assert heard <= seconds / TICK_SECONDS + 2, "more than one round a second"


def test_of_a_dispatcher_only_the_thread_that_asks_is_connected(cluster: Cluster) -> None:
    cluster.child("dispatcher", "manage.py", "dispatcher")
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a leader")
    assert len(connected(cluster)) == 1


def both_ask(cluster: Cluster) -> bool:
    """Whether two dispatchers are connected, each over as many connections as it may have while it starts."""
    return len(set(connected(cluster))) == 2


def connected(cluster: Cluster) -> list[object]:
    """The dispatchers that are connected, once for each of their connections."""
    rows = cluster.ask("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'dispatcher%'")
    return [name for (name,) in rows]
