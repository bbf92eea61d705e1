"""Workers that are killed, and workers that are asked to stop: nothing is lost, little is sent twice."""

from __future__ import annotations

import re
from pathlib import Path

from deliveries.models import Attempt, Delivery, Lane
from tests.faults.cluster import LEAST_SECONDS, Cluster, kill
from tests.faults.counting import Counting
from tests.faults.states import held_by
from tests.faults.steps import (
    arrived_ids,
    duplicates,
    emit,
    endpoints_at,
    is_all_succeeded,
    leader,
    recorded_ids,
    times,
)


def test_what_no_bell_was_rung_for_is_delivered_within_seconds(cluster: Cluster, receivers: list[Counting]) -> None:
    endpoints = endpoints_at(receivers[:2])
    worker = cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    emitted = emit(endpoints, 100)
    cluster.eventually(lambda: arrived_ids(receivers) == emitted, seconds=10, what="the arrival of all")
    assert worker.poll() is None


def test_workers_killed_amid_a_thousand_deliveries_lose_none(cluster: Cluster, receivers: list[Counting]) -> None:
    """Given workers that are killed while requests hang, then only what is not in the log is sent once more."""
    endpoints = endpoints_at(receivers[:4])
    for receiver in receivers[:4]:
        receiver.hang_after(50)
    emitted = emit(endpoints, 1000)
    workers = [cluster.worker(lease_seconds=2) for _ in range(2)]
    cluster.eventually(lambda: all(each.is_hanging for each in receivers[:4]), seconds=30, what="the middle of it")
    for worker in workers:
        kill(worker)
    cluster.eventually(lambda: held_by(cluster, "worker") == 0, seconds=10, what="the end of the workers' sessions")
    recorded = recorded_ids()
    assert recorded < arrived_ids(receivers) < emitted
    for receiver in receivers[:4]:
        receiver.let_go()
    cluster.worker(lease_seconds=2)
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    came = times(receivers)
    assert set(came) == emitted
    assert recorded.isdisjoint(webhook_id for webhook_id, number in came.items() if number > 1)
    assert max(came.values()) == 2


def test_a_worker_asked_to_stop_amid_a_drain_sends_nothing_twice(cluster: Cluster, receivers: list[Counting]) -> None:
    """Given requests that are answered once it was asked, then it records them, and begins no others."""
    endpoints = endpoints_at(receivers[:2], max_in_flight=10)
    for receiver in receivers[:2]:
        receiver.hang_after(100)
    emitted = emit(endpoints, 1500)
    worker = cluster.worker(log_level="INFO")
    cluster.eventually(lambda: all(each.is_hanging for each in receivers[:2]), seconds=30, what="the middle of it")
    worker.terminate()
    ending = re.compile("engine_ending .*in_flight=[1-9]")
    cluster.eventually(lambda: ending.search(cluster.logs()), seconds=30, what="the end of the engine")
    for receiver in receivers[:2]:
        receiver.let_go()
    assert worker.wait(LEAST_SECONDS) == 0
    assert arrived_ids(receivers) < emitted
    assert not Lane.objects.exclude(lease_until=None).exists()
    cluster.worker()
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0


def test_a_worker_asked_to_stop_sends_nothing_new_while_a_step_of_a_job_takes_its_time(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path
) -> None:
    over = tmp_path / "over"
    endpoints = endpoints_at(receivers[:2], max_in_flight=10)
    for receiver in receivers[:2]:
        receiver.hang_after(100)
    emitted = emit(endpoints, 1500)
    worker = cluster.child("worker", "-m", "tests.faults.late_worker", str(over), log_level="INFO")
    cluster.eventually(lambda: all(each.is_hanging for each in receivers[:2]), seconds=30, what="the middle of it")
    worker.terminate()
    cluster.eventually(lambda: "engine_ending" in cluster.logs(), seconds=30, what="the end of the engine")
    for receiver in receivers[:2]:
        receiver.let_go()
    cluster.eventually(
        lambda: not Lane.objects.exclude(lease_until=None).exists(), seconds=30, what="the end of what was in flight"
    )
    assert arrived_ids(receivers) < emitted
    assert worker.poll() is None
    over.touch()
    assert worker.wait(LEAST_SECONDS) == 0
    cluster.worker()
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert arrived_ids(receivers) == emitted


def test_a_worker_asked_to_stop_does_not_wait_for_a_hanging_receiver(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    receivers[0].hang()
    (endpoint,) = endpoints_at(receivers[:1])
    emit([endpoint], 3)
    worker = cluster.worker()
    receivers[0].wait_for(1, timeout=LEAST_SECONDS)
    worker.terminate()
    assert worker.wait(LEAST_SECONDS) == 0
    lane = Lane.objects.get()
    assert (lane.lease_until, lane.crashes) == (None, 0)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}
    assert set(Attempt.objects.values_list("error", flat=True)) == {"worker_lost"}, "it waited for the time-out"
