"""A bulk redelivery whose worker is killed: every one is sent, and none twice beyond what is not in the log."""

from __future__ import annotations

from django.db import connection

from deliveries.models import Delivery, DueDelivery, Job
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.jobs import start_job
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.states import held_by
from tests.faults.steps import arrived_ids, emit, endpoints_at, recorded_ids, times

COUNT = 10_000  # more than a job queues before some of them were sent


def all_failed() -> None:
    """Every delivery has used up its schedule."""
    DueDelivery.objects.all().delete()
    Delivery.objects.update(state="exhausted", attempts=1, error="http_5xx", status_code=500)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_delivery SET failed_at = now()")


def test_a_bulk_redelivery_whose_worker_is_killed_sends_all_and_none_twice(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    """Given receivers that hang in the middle of it, then a killed worker has neither queued nor sent all."""
    for receiver in receivers[:4]:
        receiver.hang_after(COUNT // 16)
    emitted = emit(endpoints_at(receivers[:4]), COUNT)
    all_failed()
    job = start_job(Job.Kind.REDELIVER, Selection(states=("exhausted",)), customer=None, actor="key:ops")
    assert job.total == COUNT
    worker = cluster.worker(lease_seconds=2)
    cluster.eventually(lambda: all(each.is_hanging for each in receivers[:4]), seconds=40, what="the middle of it")
    kill(worker)
    cluster.eventually(lambda: held_by(cluster, "worker") == 0, seconds=10, what="the end of the worker's sessions")
    recorded = recorded_ids()
    job.refresh_from_db()
    assert 0 < job.queued < COUNT
    assert recorded < arrived_ids(receivers) < emitted
    for receiver in receivers[:4]:
        receiver.let_go()
    cluster.worker(lease_seconds=2)
    cluster.eventually(lambda: Job.objects.get().state == "done", seconds=60, what="the end of the job")
    job.refresh_from_db()
    came = times(receivers)
    assert set(came) == emitted
    assert recorded.isdisjoint(webhook_id for webhook_id, number in came.items() if number > 1)
    assert max(came.values()) == 2
    assert (job.queued, job.done, job.failed) == (COUNT, COUNT, 0)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
