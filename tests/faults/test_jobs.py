"""A bulk redelivery whose worker is killed: every one is sent, and none twice beyond what was in flight."""

from __future__ import annotations

import signal

from django.db import connection

from deliveries.models import Delivery, DueDelivery, Job
from deliveries.services.jobs import start_job
from deliveries.services.selection import Selection
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import arrived, arrived_ids, duplicates, emit, endpoints_at, unrecorded
from tests.faults.test_workers import is_quiet

COUNT = 10_000


def all_failed() -> None:
    """Every delivery has used up its schedule."""
    DueDelivery.objects.all().delete()
    Delivery.objects.update(state="exhausted", attempts=1, error="http_5xx", status_code=500)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_delivery SET failed_at = now()")


def test_a_bulk_redelivery_whose_worker_is_killed_sends_all_and_none_twice(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    emitted = emit(endpoints_at(receivers[:4]), COUNT)
    all_failed()
    job = start_job(Job.Kind.REDELIVER, Selection(states=("exhausted",)), customer=None, actor="key:ops")
    assert job.total == COUNT
    worker = cluster.worker(lease_seconds=2)
    cluster.eventually(lambda: arrived(receivers) > COUNT / 4, seconds=40, what="the arrival of the first")
    worker.send_signal(signal.SIGSTOP)
    cluster.eventually(lambda: is_quiet(receivers), seconds=5, what="quiet")
    in_flight = unrecorded(receivers)
    kill(worker)
    assert arrived_ids(receivers) < emitted
    cluster.worker(lease_seconds=2)
    cluster.eventually(lambda: Job.objects.get().state == "done", seconds=60, what="the end of the job")
    job.refresh_from_db()
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) <= in_flight
    assert (job.queued, job.done, job.failed) == (COUNT, COUNT, 0)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
