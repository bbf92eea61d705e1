"""A job's row is locked for a moment each time that outcomes are counted: no step fails of that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F

from deliveries.models import Customer, DueDelivery, Job
from deliveries.services import job_control, job_steps
from deliveries.services.endpoints import create_endpoint
from deliveries.services.reading.selection import Selection
from deliveries.services.resending import jobs
from tests.api.logs import log_delivery
from tests.engine.steps import by_hand, waiting_for_no_lock

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 120


@pytest.fixture
def job(receiver_ports: list[int]) -> Job:
    customer = Customer.objects.create(name="Alice")
    endpoint, _ = create_endpoint(customer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/"}, actor="system")
    log_delivery(endpoint, state="exhausted")
    return jobs.start_job(Job.Kind.REDELIVER, Selection(endpoint_id=endpoint.id), customer=customer, actor="key:ops")


@contextmanager
def held_by_another(job: Job) -> Iterator[threading.Event]:
    """The row is locked over another connection, until the event is set or somebody waits for it."""
    locked, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Job.objects.select_for_update().get(id=job.id)
            locked.set()
            while not (is_waited_for() or let_go.wait(0.01)):
                pass
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(PATIENCE_SECONDS)
    try:
        yield let_go
    finally:
        let_go.set()
        holder.join()


def test_a_job_whose_row_somebody_keeps_locked_keeps_no_other_from_its_end(job: Job) -> None:
    other = jobs.start_job(Job.Kind.REDELIVER, Selection(status_code=500), customer=job.customer, actor="key:ops")
    held = jobs.start_job(Job.Kind.REDELIVER, Selection(status_code=501), customer=job.customer, actor="key:ops")
    Job.objects.update(cursor=jobs.ALL_QUEUED, state=Job.State.RUNNING)
    Job.objects.filter(id=held.id).update(cursor=None, state=Job.State.HELD)
    with by_hand() as hand:
        hand.execute("SELECT FROM hookpost_job WHERE id = %s FOR UPDATE", [job.id])
        with waiting_for_no_lock():
            wanting = jobs.tend_jobs()
    assert {each.id: each.state for each in Job.objects.all()} == {
        job.id: "running",
        other.id: "done",
        held.id: "running",
    }
    assert wanting == [held.id]
    jobs.tend_jobs()
    assert Job.objects.get(id=job.id).state == "done"


def is_waited_for() -> bool:
    """Whether somebody waits for a lock in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def test_a_step_waits_for_whoever_counts_outcomes(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    assert job_steps._begin_step(job.id)
    monkeypatch.setattr(job_steps, "_begin_step", lambda job_id: True)
    with held_by_another(job):
        assert job_steps.run_job_step(job.id)[1]
    job.refresh_from_db()
    assert (job.failures, job.rest_until, DueDelivery.objects.count()) == (0, None, 1)


def test_a_ring_while_a_step_is_under_way_neither_waits_nor_counts(job: Job) -> None:
    with held_by_another(job):
        assert job_steps.run_job_step(job.id) == (False, [])
    job.refresh_from_db()
    assert (job.failures, job.queued) == (0, 0)
    assert jobs.tend_jobs() == [job.id]


def elsewhere(act: Callable[[], object]) -> bool:
    """Do something over another connection; says whether that came about without waiting for ours."""

    def run() -> None:
        act()
        connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return not thread.is_alive()


def after_queueing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[bool]:
    """Have something done when a step has queued its chunk and not committed it; says whether that had to wait."""
    done, queue = [], job_steps.queue_rows

    def queue_and_act(*args: Any) -> Any:
        rows = queue(*args)
        done.append(elsewhere(act))
        return rows

    monkeypatch.setattr(job_steps, "queue_rows", queue_and_act)
    return done


def test_outcomes_of_a_job_are_counted_while_a_step_of_it_is_under_way(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who records waits for the row, and with it everybody whose outcomes are recorded together."""
    done = after_queueing(monkeypatch, lambda: Job.objects.filter(id=job.id).update(done=F("done") + 1))
    assert job_steps.run_job_step(job.id)[1]
    job.refresh_from_db()
    assert (done, job.done, job.queued) == ([True], 1, 1)


def test_a_step_of_a_job_that_is_cancelled_meanwhile_queues_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    done = after_queueing(monkeypatch, lambda: job_control.cancel_job(job, actor="key:ops"))
    assert job_steps.run_job_step(job.id) == (False, [])
    job.refresh_from_db()
    assert (done, job.state, job.queued, DueDelivery.objects.count()) == ([True], "cancelled", 0, 0)
