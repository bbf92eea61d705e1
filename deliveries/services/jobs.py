"""Bulk work: sending again by filter, what failed, and what was never sent.

What lives here: starting, stepping, cancelling and ending jobs. It must not know requests, and rings no
bell: what is to be woken is in the answers. A step queues a bounded chunk and moves the job's cursor in
one transaction, so that a killed worker's successor goes on where the queue says, and queues nothing
twice. What is queued has the last rank, and only so much of a job waits at once.

A step is counted as failed before it begins and as good when it commits, so that one which ends its
worker counts too. After each failure the job rests longer; after FAILURES_LIMIT in a row it is `failed`
until a person resumes or cancels it. What it queued before is sent all the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from deliveries import sql
from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer, Delivery, DueDelivery, Event, Job, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.ids import floor_of
from deliveries.services.audit import record_act
from deliveries.services.endpoints import cancel_waiting
from deliveries.services.selection import Selection, between, of_types, select_deliveries

log = structlog.get_logger(__name__)

CHUNK = 1000
WAITING_LIMIT = 5000
OPEN_JOBS_LIMIT = 20
PROBLEM_LIMIT = 300
ALL_QUEUED = UUID(int=2**128 - 1)
FAILURES_LIMIT = 5
REST_SECONDS, REST_GROWTH = 2, 5  # 2 s, 10 s, 50 s, 250 s: a database that restarts fails no job
WORKER_LOST = "the worker ended during the step"

Lanes = list[tuple[UUID, bool]]
Kind = Job.Kind
State = Job.State
OPEN = (State.PENDING, State.RUNNING)
STOPPABLE = (*OPEN, State.FAILED)


def count_matching(kind: str, selection: Selection, *, viewer: Viewer) -> int:
    """Return how many deliveries (of a replay: events) a job would look at; refuses to mean everything."""
    if selection.is_empty:
        raise InvalidInput("say which deliveries, by one filter at least")
    return _candidates(kind, selection, viewer).count()


def start_job(kind: Kind, selection: Selection, *, customer: Customer | None, actor: str, reason: str = "") -> Job:
    """Write down bulk work; of one customer's deliveries only, if there is one. Raises InvalidInput, Conflict."""
    _refuse_too_many()
    total = count_matching(kind, selection, viewer=Viewer(customer.id if customer else None))
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            customer=customer,
            filters=selection.to_json(),
            actor=actor,
            reason=reason[:300],
            total=total,
        )
        detail = {"filters": job.filters, "total": total}
        record_act(actor, f"job.{kind}", customer=customer, target=job.public_id, reason=reason, detail=detail)
    return job


def run_job_step(job_id: UUID) -> tuple[bool, Lanes]:
    """Queue the next chunk; returns whether to step again at once, and the lanes to wake. Raises what the step did."""
    if not _begin_step(job_id):
        return False, []
    try:
        return _take_step(job_id)
    except Exception as error:
        _note_failure(job_id, error)
        raise


def tend_jobs() -> list[UUID]:
    """End jobs of which nothing waits any more; returns those that want another step, and do not rest."""
    wanting, now = [], timezone.now()
    for job in Job.objects.filter(state__in=OPEN).order_by("id"):
        if job.cursor != ALL_QUEUED:
            wanting += [job.id] if job.rest_until is None or job.rest_until <= now else []
        elif not _waiting(job):
            Job.objects.filter(id=job.id, state=State.RUNNING).update(state=State.DONE, finished_at=timezone.now())
    return wanting


def cancel_job(job: Job, *, actor: str, reason: str = "") -> Job:
    """Stop a job: nothing more is queued, and what waits is taken back. What is in flight still arrives."""
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(id=job.id)
        if locked.state not in STOPPABLE:
            raise Conflict(f"the job is {locked.get_state_display().lower()} already")
        locked.state, locked.finished_at = State.CANCELLED, timezone.now()
        locked.save(update_fields=["state", "finished_at"])
        record_act(actor, "job.cancel", customer=locked.customer, target=locked.public_id, reason=reason)
    cancel_waiting(job_id=job.id)
    return locked


def resume_job(job: Job, *, actor: str, reason: str = "") -> Job:
    """Let a failed job go on at its cursor, with its failures forgotten; raises Conflict for any other."""
    _refuse_too_many()
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(id=job.id)
        if locked.state != State.FAILED:
            raise Conflict(f"the job is {locked.get_state_display().lower()}; only a failed one is resumed")
        locked.state, locked.failures, locked.rest_until, locked.finished_at = State.RUNNING, 0, None, None
        locked.save(update_fields=["state", "failures", "rest_until", "finished_at"])
        record_act(actor, "job.resume", customer=locked.customer, target=locked.public_id, reason=reason)
    return locked


def _refuse_too_many() -> None:
    if Job.objects.filter(state__in=OPEN).count() >= OPEN_JOBS_LIMIT:
        raise Conflict(f"{OPEN_JOBS_LIMIT} jobs are under way already")


def _begin_step(job_id: UUID) -> bool:
    """Count a step as failed until it has committed; returns whether there is one to take now."""
    with transaction.atomic():
        # Skipping what is locked: another step may be under way, and a ring more is not to wait for its end.
        rested = Q(rest_until=None) | Q(rest_until__lte=timezone.now())
        job = Job.objects.select_for_update(skip_locked=True).filter(rested, id=job_id, state__in=OPEN).first()
        if job is None or job.cursor == ALL_QUEUED or _waiting(job) >= WAITING_LIMIT:
            return False
        if job.failures >= FAILURES_LIMIT:  # whoever took the last step did not live to say so
            _end_failed(job)
            return False
        rest = timedelta(seconds=REST_SECONDS * REST_GROWTH**job.failures)
        job.failures, job.rest_until = job.failures + 1, timezone.now() + rest
        job.save(update_fields=["failures", "rest_until"])
    return True


def _take_step(job_id: UUID) -> tuple[bool, Lanes]:
    with transaction.atomic():
        job = _locked(job_id).first()
        if job is None:
            return False, []
        ids = list(_next_ids(job))
        rows = _queue(job, ids) if ids else []
        job.queued += sum(row.queued for row in rows)
        job.state, job.started_at = State.RUNNING, job.started_at or timezone.now()
        job.failures, job.rest_until, job.problem = 0, None, ""
        job.cursor = ids[-1] if len(ids) == CHUNK else ALL_QUEUED
        if job.cursor == ALL_QUEUED:
            job.total = job.queued  # what could not be sent again is not waited for
        job.save(
            update_fields=["queued", "total", "state", "started_at", "failures", "rest_until", "problem", "cursor"]
        )
    return job.cursor != ALL_QUEUED, [(row.endpoint_id, row.slow) for row in rows]


def _note_failure(job_id: UUID, error: Exception) -> None:
    with transaction.atomic():
        job = _locked(job_id).first()
        if job is None:  # cancelled meanwhile
            return
        job.problem = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:PROBLEM_LIMIT].replace("\0", "")
        job.save(update_fields=["problem"])
        if job.failures >= FAILURES_LIMIT:
            _end_failed(job)


def _end_failed(job: Job) -> None:
    job.state, job.finished_at, job.rest_until = State.FAILED, timezone.now(), None
    job.problem = job.problem or WORKER_LOST
    job.save(update_fields=["state", "finished_at", "rest_until", "problem"])
    log.error("job_failed", job=job.public_id, problem=job.problem, steps=job.failures)


def _locked(job_id: UUID) -> QuerySet[Job]:
    """An open job; waits for whoever counts what arrived of it, who holds the row for a moment."""
    return Job.objects.select_for_update().filter(id=job_id, state__in=OPEN)


def _candidates(kind: str, selection: Selection, viewer: Viewer) -> QuerySet[Delivery] | QuerySet[Event]:
    if kind != Kind.REPLAY:
        return select_deliveries(visible.deliveries(viewer), selection)
    endpoint = visible.endpoints(viewer).filter(id__in=[selection.endpoint_id]).first()
    if endpoint is None:  # deleted meanwhile
        return Event.objects.none()
    rows = visible.events(viewer).filter(customer_id=endpoint.customer_id)
    chosen = of_types(of_types(rows, endpoint.event_types, column="type"), selection.types, column="type")
    return between(chosen, since=selection.since, until=selection.until)


def _next_ids(job: Job) -> QuerySet[Delivery, UUID] | QuerySet[Event, UUID]:
    # What came after the job was asked for is not part of it.
    candidates = _candidates(job.kind, Selection.from_json(job.filters), Viewer(job.customer_id))
    rows = candidates.filter(id__lt=floor_of(job.created_at))
    rest = rows.filter(id__gt=job.cursor) if job.cursor else rows
    return rest.order_by("id").values_list("id", flat=True)[:CHUNK]


def _queue(job: Job, ids: list[UUID]) -> list[Any]:
    if job.kind == Kind.REPLAY:
        endpoint_id = Selection.from_json(job.filters).endpoint_id
        return sql.run("queue_replays", {"event_ids": ids, "endpoint_id": endpoint_id, "job_id": job.id})
    return sql.run("queue_redeliveries", {"delivery_ids": ids, "actor": job.actor, "job_id": job.id})


def _waiting(job: Job) -> int:
    return DueDelivery.objects.filter(job_id=job.id)[:WAITING_LIMIT].count()
