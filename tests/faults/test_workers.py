"""Workers that are killed, and workers that are asked to stop: nothing is lost, little is sent twice."""

from __future__ import annotations

import signal
import time

from deliveries.models import Attempt, Delivery, Lane
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import (
    arrived,
    arrived_ids,
    duplicates,
    emit,
    endpoints_at,
    is_all_succeeded,
    leader,
    unrecorded,
)


def test_what_no_bell_was_rung_for_is_delivered_within_seconds(cluster: Cluster, receivers: list[Counting]) -> None:
    endpoints = endpoints_at(receivers[:2])
    worker = cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    emitted = emit(endpoints, 100)
    cluster.eventually(lambda: arrived_ids(receivers) == emitted, seconds=10, what="the arrival of all")
    assert worker.poll() is None


def test_workers_killed_amid_a_thousand_deliveries_lose_none(cluster: Cluster, receivers: list[Counting]) -> None:
    endpoints = endpoints_at(receivers[:4])
    emitted = emit(endpoints, 1000)
    workers = [cluster.worker(lease_seconds=2) for _ in range(2)]
    cluster.eventually(lambda: arrived(receivers) > 200, seconds=30, what="the arrival of the first")
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    cluster.eventually(lambda: is_quiet(receivers), seconds=5, what="quiet")
    in_flight = unrecorded(receivers)
    for worker in workers:
        kill(worker)
    assert arrived_ids(receivers) < emitted
    cluster.worker(lease_seconds=2)
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) <= in_flight


def is_quiet(receivers: list[Counting]) -> bool:
    """Whether nothing came for a moment."""
    before = arrived(receivers)
    time.sleep(0.1)
    return arrived(receivers) == before


def test_a_worker_asked_to_stop_amid_a_drain_sends_nothing_twice(cluster: Cluster, receivers: list[Counting]) -> None:
    for receiver in receivers:
        receiver.delay_seconds = 0.05
    endpoints = endpoints_at(receivers[:2], max_in_flight=10)
    emitted = emit(endpoints, 1500)
    worker = cluster.worker()
    cluster.eventually(lambda: arrived(receivers) > 200, seconds=30, what="the arrival of the first")
    worker.terminate()
    assert worker.wait(20) == 0
    assert arrived_ids(receivers) < emitted
    assert not Lane.objects.exclude(lease_until=None).exists()
    cluster.worker()
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0


def test_a_worker_asked_to_stop_does_not_wait_for_a_hanging_receiver(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    receivers[0].hang()
    (endpoint,) = endpoints_at(receivers[:1], timeout_seconds=30)
    emit([endpoint], 3)
    worker = cluster.worker()
    receivers[0].wait_for(1, timeout=80)
    worker.terminate()
    assert worker.wait(120) == 0
    lane = Lane.objects.get()
    assert (lane.lease_until, lane.crashes) == (None, 0)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}
    assert set(Attempt.objects.values_list("error", flat=True)) == {"worker_lost"}, "it waited for the time-out"
