"""A delivery that kills whoever sends it ends, and the others go on."""

from __future__ import annotations

from deliveries.models import Attempt, Delivery, DueDelivery
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.poisoned_worker import POISON
from tests.faults.steps import arrived_ids, emit, endpoints_at

LOSSES_AT_MOST = 8


def test_a_delivery_that_kills_its_worker_each_time_is_exhausted_and_the_others_go_on(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    sick, healthy = endpoints_at(receivers[:2])
    emitted = emit([sick, healthy], 60)
    emit([sick], 1, event_type=POISON)
    emitted |= emit([sick, healthy], 60)
    losses = []

    def is_over() -> bool:
        if all(worker.poll() is not None for worker in cluster.children.values()):
            losses.extend(cluster.children)
            cluster.children.clear()
            cluster.child("worker", "-m", "tests.faults.poisoned_worker", lease_seconds=2)
        return not DueDelivery.objects.exists()

    cluster.eventually(is_over, seconds=150, what="an end")
    assert list(Delivery.objects.exclude(state="succeeded").values_list("event_type", "state", "error")) == [
        (POISON, "exhausted", "worker_lost")
    ]
    assert Attempt.objects.filter(error="worker_lost").count() == 1
    assert arrived_ids(receivers) == emitted
    assert 3 <= len(losses) <= LOSSES_AT_MOST
