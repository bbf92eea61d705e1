"""Processes that are frozen and come back: what happened meanwhile stands."""

from __future__ import annotations

import signal

from deliveries.models import Attempt, Delivery, DueDelivery, Lane
from tests.faults.cluster import LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived_ids, emit, endpoints_at, is_all_succeeded, leader


def test_a_worker_frozen_past_its_lease_changes_nothing_its_successor_recorded(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    receiver = receivers[0]
    receiver.hang(then=503)
    (endpoint,) = endpoints_at([receiver], max_in_flight=5)
    emitted = emit([endpoint], 20)
    frozen = cluster.worker(lease_seconds=2)
    receiver.wait_for(5, timeout=LEAST_SECONDS)
    frozen.send_signal(signal.SIGSTOP)
    held = Lane.objects.get()
    receiver.let_go()
    cluster.worker(lease_seconds=2)
    cluster.eventually(is_all_succeeded, seconds=40, what="the successor's work")
    recorded = rows(), list(DueDelivery.objects.values()), Lane.objects.get().fence
    assert recorded[2] > held.fence
    assert (Attempt.objects.count(), len(receiver.requests)) == (20, 25)
    frozen.send_signal(signal.SIGCONT)
    cluster.eventually(lambda: Attempt.objects.count() == 25, seconds=20, what="the late attempts")
    cluster.eventually(lambda: Lane.objects.get().lease_until is None, seconds=20, what="a lane that rests")
    assert (rows(), list(DueDelivery.objects.values())) == recorded[:2]
    assert arrived_ids(receivers) == emitted
    assert frozen.poll() is None


def rows() -> list[tuple[object, ...]]:
    """What is recorded of each delivery."""
    return list(Delivery.objects.order_by("id").values_list("id", "state", "attempts", "error", "finished_at"))


def test_a_frozen_leader_is_replaced(cluster: Cluster, receivers: list[Counting]) -> None:
    endpoints = endpoints_at(receivers[:2])
    cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a leader")
    frozen = leader(cluster)
    cluster.worker()
    cluster.children[frozen].send_signal(signal.SIGSTOP)
    emitted = emit(endpoints, 50)
    cluster.eventually(lambda: arrived_ids(receivers) == emitted, seconds=30, what="the arrival of all")
    cluster.eventually(lambda: leader(cluster) not in ("", frozen), seconds=20, what="another leader")
    cluster.children[frozen].send_signal(signal.SIGCONT)
    emitted |= emit(endpoints, 50)
    cluster.eventually(lambda: arrived_ids(receivers) == emitted, seconds=20, what="the arrival of more")
    assert cluster.children[frozen].poll() is None
