"""A bulk redelivery whose worker is killed: every one is sent, and none twice beyond what was in flight."""

from __future__ import annotations

from collections import Counter

from django.db import connection

from deliveries.models import Attempt, Delivery, DueDelivery, Job
from deliveries.protocol.ids import EVENT, encode_id
from deliveries.services.jobs import start_job
from deliveries.services.selection import Selection
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import arrived, arrived_ids, emit, endpoints_at
from tests.faults.test_workers import is_quiet

COUNT = 10_000


def all_failed() -> None:
    """Every delivery has used up its schedule."""
    DueDelivery.objects.all().delete()
    Delivery.objects.update(state="exhausted", attempts=1, error="http_5xx", status_code=500)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_delivery SET failed_at = now()")


def sent_unrecorded(cluster: Cluster, receivers: list[Counting]) -> set[str]:
    """What a killed worker sent and did not record, when nothing of it is under way: the duplicates to come."""
    cluster.eventually(lambda: is_over(cluster, receivers), seconds=10, what="the end of the worker's connections")
    recorded = Attempt.objects.values_list("delivery__event_id", flat=True)
    return arrived_ids(receivers) - {encode_id(EVENT, event_id) for event_id in recorded}


def is_over(cluster: Cluster, receivers: list[Counting]) -> bool:
    """Whether receivers have read what was sent to them, and PostgreSQL has done or undone what it was told."""
    told = cluster.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'worker-%'")
    return told == [(0,)] and not any(each.server.connections for each in receivers) and is_quiet(receivers)


def test_a_bulk_redelivery_whose_worker_is_killed_sends_all_and_none_twice(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    emitted = emit(endpoints_at(receivers[:4]), COUNT)
    all_failed()
    job = start_job(Job.Kind.REDELIVER, Selection(states=("exhausted",)), customer=None, actor="key:ops")
    assert job.total == COUNT
    worker = cluster.worker(lease_seconds=2)
    cluster.eventually(lambda: arrived(receivers) > COUNT / 4, seconds=40, what="the arrival of the first")
    kill(worker)
    in_flight = sent_unrecorded(cluster, receivers)
    job.refresh_from_db()
    assert 0 < job.queued < COUNT  # in the middle of queueing, and of sending
    assert arrived_ids(receivers) < emitted
    cluster.worker(lease_seconds=2)
    cluster.eventually(lambda: Job.objects.get().state == "done", seconds=60, what="the end of the job")
    job.refresh_from_db()
    assert arrived_ids(receivers) == emitted
    times = sum((each.times for each in receivers), Counter())
    assert {webhook_id for webhook_id, number in times.items() if number > 1} <= in_flight
    assert max(times.values()) <= 2
    assert (job.queued, job.done, job.failed) == (COUNT, COUNT, 0)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
