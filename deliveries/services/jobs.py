"""Bulk work: sending again by filter, what failed, what was never sent; cancelling; turns of erasures and imports.

What lives here: starting, stepping and ending jobs (job_control.py cancels and resumes them). It must not know
requests, and rings no bell: what is to be woken is in the answers. A step queues a bounded chunk and moves the job's
cursor in one transaction, so that a killed worker's successor goes on where the queue says, and queues nothing
twice. What is queued has the last rank, and only so much of a job waits at once.

Steps are taken in rotation by who asked (sql/take_job_turn.sql): a customer with many jobs has one place, and one
step at a time. How many jobs one may have open is counted by who asked, too; the operator's places are its own.

A step is counted as failed before it begins and as good when it commits, so that one which ends its
worker counts too. After each failure the job rests longer and the next chunk is smaller; after FAILURES_LIMIT in a
row it is `failed` until a person resumes or cancels it. What it queued before is sent all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from deliveries import sql
from deliveries.errors import InvalidInput
from deliveries.models import Customer, DueDelivery, Endpoint, Job
from deliveries.models.visible import Viewer
from deliveries.protocol.ids import floor_of
from deliveries.protocol.sentences import say
from deliveries.services import clock, limits
from deliveries.services.audit import record_act
from deliveries.services.backlog import BACKLOG_CANCELLED, DELETED
from deliveries.services.cancellations import cancel_deliveries, waiting_only
from deliveries.services.candidates import Count, Eligible, Part, count_eligible, eligible, next_part
from deliveries.services.erasures import take_erasure_step
from deliveries.services.import_jobs import take_import_step
from deliveries.services.selection import Selection
from deliveries.services.statement_timeout import at_most
from deliveries.sql.rows import QueueRedeliveriesRow, QueueReplaysRow, TakeJobTurnRow, TendJobsRow

log = structlog.get_logger(__name__)

CHUNK = 1000
WAITING_LIMIT = 5000
STEP_SECONDS = 5.0
PROBLEM_LIMIT = 300
ALL_QUEUED = UUID(int=2**128 - 1)
FAILURES_LIMIT = 5
REST_SECONDS, REST_GROWTH = 2, 5  # 2 s, 10 s, 50 s, 250 s: a database that restarts fails no job
WORKER_LOST = "the worker ended during the step"
LEFT_UNSENT = "the rest left the queue unsent: it was cancelled, or its day is over"
LASTING = frozenset({DELETED, BACKLOG_CANCELLED, LEFT_UNSENT})  # what a good step does not put right

Lanes = list[tuple[UUID, bool]]
Kind = Job.Kind
State = Job.State
OPEN = (State.PENDING, State.RUNNING)
UNFINISHED = (*OPEN, State.HELD)
STOPPABLE = (*UNFINISHED, State.FAILED)
ACTIONS = {Kind.CANCEL: "job.cancel_deliveries"}  # in the audit trail `job.cancel` is a job that was cancelled
_STEPS_OF_OTHERS = {Kind.ERASE: take_erasure_step, Kind.IMPORT: take_import_step}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was taken: of which job, whether it wants another at once, and the lanes to wake."""

    job_id: UUID
    more: bool
    lanes: Lanes


def count_matching(kind: str, selection: Selection, *, viewer: Viewer) -> Count:
    """Return how many deliveries a job would queue now, as far as counting goes; refuses to mean everything."""
    if selection.is_empty:
        raise InvalidInput(say("say which deliveries, by one filter at least"))
    if kind == Kind.CANCEL:
        selection = waiting_only(selection)
    return count_eligible(kind, selection, viewer, before=floor_of(clock.likely_now() + timedelta(milliseconds=1)))


def start_job(
    kind: Kind,
    selection: Selection,
    *,
    customer: Customer | None,
    actor: str,
    reason: str = "",
    by_operator: bool = False,
) -> Job:
    """Write down bulk work; of one customer's deliveries only, if there is one. Raises InvalidInput, LimitReached."""
    limits.refuse_more_jobs(customer, by_operator=by_operator)  # before the dear part, and again before it is written
    total = count_matching(kind, selection, viewer=Viewer(customer.id if customer else None)).number
    with transaction.atomic():
        limits.lock(customer)
        limits.refuse_more_jobs(customer, by_operator=by_operator)
        job = Job.objects.create(
            kind=kind,
            customer=customer,
            by_operator=by_operator,
            filters=_kept(kind, selection),
            actor=actor,
            reason=reason[:300],
            total=total,
        )
        action, detail = ACTIONS.get(kind, f"job.{kind}"), {"filters": job.filters, "total": total}
        record_act(actor, action, customer=customer, object_id=job.public_id, reason=reason, detail=detail)
    return job


def run_next_step(*, skipped: Collection[UUID] = ()) -> Step | None:
    """Take a step of the job whose turn it is; None when none wants one. Raises what the step did."""
    parameters = {"all_queued": ALL_QUEUED, "skipped": list(skipped), "step_seconds": 2 * STEP_SECONDS}
    rows = sql.fetch(TakeJobTurnRow, parameters)
    if not rows:
        return None
    try:
        more, lanes = run_job_step(rows[0].id)
        return Step(rows[0].id, more, lanes)
    finally:
        Job.objects.filter(id=rows[0].id).update(stepping_until=None)


def run_job_step(job_id: UUID) -> tuple[bool, Lanes]:
    """Queue the next chunk; returns whether to step again at once, and the lanes to wake. Raises what the step did."""
    if not _begin_step(job_id):
        return False, []
    try:
        take = _STEPS_OF_OTHERS.get(Kind(Job.objects.values_list("kind", flat=True).get(id=job_id)))
        return _take_step(job_id) if take is None else (take(job_id, seconds=STEP_SECONDS), [])
    except Exception as error:
        _note_failure(job_id, error)
        raise


def tend_jobs() -> list[UUID]:
    """End jobs of which nothing waits any more, hold those that only wait; returns those that want another step."""
    rows = sql.fetch(TendJobsRow, {"all_queued": ALL_QUEUED, "waiting_limit": WAITING_LIMIT})
    for row in rows:
        if row.held != (row.state == State.HELD):
            state = State.HELD if row.held else State.RUNNING
            Job.objects.filter(id=row.id, state=row.state).update(state=state)
    _end_done([row.id for row in rows if row.all_queued and not row.waits])
    wanting = Job.objects.filter(id__in=[row.id for row in rows if not row.all_queued and not row.held])
    rested = Q(rest_until=None) | Q(rest_until__lte=clock.likely_now())
    return list(wanting.filter(rested).order_by("id").values_list("id", flat=True))


def unserved(ids: Collection[UUID], *, seconds: float) -> list[UUID]:
    """Return those of some jobs that want a step, unless a step of any job was begun that short a time ago."""
    if not ids:
        return []
    lately = Job.objects.filter(state__in=OPEN, served_at__gt=clock.likely_now() - timedelta(seconds=seconds))
    return [] if lately.exists() else list(ids)


def queue_rows(job: Job, ids: list[UUID]) -> Sequence[QueueReplaysRow | QueueRedeliveriesRow]:
    """Queue deliveries, or of a replay events, for a job; returns how many for which lane."""
    if job.kind == Kind.REPLAY:
        endpoint_id = _selection(job).endpoint_id
        sql.run("lock_replays", {"endpoint_id": endpoint_id})
        return sql.fetch(QueueReplaysRow, {"event_ids": ids, "endpoint_id": endpoint_id, "job_id": job.id})
    parameters = {"delivery_ids": ids, "actor": job.actor, "reason": job.reason, "job_id": job.id}
    return sql.fetch(QueueRedeliveriesRow, parameters)


def _begin_step(job_id: UUID) -> bool:
    """Count a step as failed until it has committed; returns whether there is one to take now."""
    with transaction.atomic():
        # Skipping what is locked: another step may be under way, and a ring more is not to wait for its end.
        rested = Q(rest_until=None) | Q(rest_until__lte=clock.likely_now())
        job = Job.objects.select_for_update(skip_locked=True).filter(rested, id=job_id, state__in=OPEN).first()
        if job is None or job.cursor == ALL_QUEUED or _waiting(job) >= WAITING_LIMIT:
            return False
        if job.failures >= FAILURES_LIMIT:  # whoever took the last step did not live to say so
            _end_failed(job)
            return False
        rest = timedelta(seconds=REST_SECONDS * REST_GROWTH**job.failures)
        job.failures, job.rest_until = job.failures + 1, clock.likely_now() + rest
        job.save(update_fields=["failures", "rest_until"])
    return True


def _take_step(job_id: UUID) -> tuple[bool, Lanes]:
    """Queue the next chunk, and lock the job's row last: whoever records what arrived of it waits for that row, and so
    does what is recorded together with it, of other customers too.
    """
    with at_most(seconds=STEP_SECONDS):
        seen = Job.objects.filter(id=job_id, state__in=OPEN).first()
        if seen is None:
            return False, []
        part = _next_part(seen)
        found = eligible(seen.kind, _selection(seen), part.ids, since=seen.created_at)
        number, lanes = _act(seen, found.ids)
        lost = _lost(seen, part, found)
        job = _locked(job_id).first()
        if job is None or job.cursor != seen.cursor:  # it was cancelled, or taken further
            transaction.set_rollback(True)
            return False, []
        _move_on(job, part, queued=number, lost=lost)
    return job.cursor != ALL_QUEUED, lanes


def _act(job: Job, ids: list[UUID]) -> tuple[int, Lanes]:
    """Queue or cancel a chunk; returns how many, and the lanes to wake."""
    if not ids:
        return 0, []
    if job.kind == Kind.CANCEL:
        number = cancel_deliveries(ids)
        Job.objects.filter(id=job.id).update(done=F("done") + number)
        return number, []
    rows = queue_rows(job, ids)
    return sum(row.queued for row in rows), [(row.endpoint_id, row.slow) for row in rows]


def _move_on(job: Job, part: Part, *, queued: int, lost: int) -> None:
    job.queued, job.failed = job.queued + queued, job.failed + lost
    job.state, job.started_at = State.RUNNING, job.started_at or clock.likely_now()
    job.failures, job.rest_until, job.problem = (
        0,
        None,
        DELETED if lost else job.problem if job.problem in LASTING else "",
    )
    job.lost = job.lost + lost
    job.cursor = part.edge or ALL_QUEUED
    known = job.queued + job.lost
    # What could not be sent again is not waited for; and what was counted was a bounded count.
    job.total = known if job.cursor == ALL_QUEUED else max(job.total, known)
    job.save(
        update_fields=[
            *("queued", "failed", "lost", "total", "cursor", "state", "started_at"),
            *("failures", "rest_until", "problem"),
        ]
    )


def _lost(job: Job, part: Part, found: Eligible) -> int:
    """Return how many of a step cannot be sent because their endpoint was deleted since the job was asked for."""
    if job.kind == Kind.REPLAY and part.edge is None and not part.ids:
        living = Endpoint.objects.filter(id__in=[_selection(job).endpoint_id], deleted_at=None)
        return 0 if living.exists() else max(0, job.total - job.queued - job.lost)
    return found.lost


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
    job.state, job.finished_at, job.rest_until = State.FAILED, clock.likely_now(), None
    job.problem = job.problem or WORKER_LOST
    job.save(update_fields=["state", "finished_at", "rest_until", "problem"])
    log.error("job_failed", job=job.public_id, problem=job.problem, steps=job.failures)


def _locked(job_id: UUID) -> QuerySet[Job]:
    """An open job; waits for whoever counts what arrived of it, who holds the row for a moment."""
    return Job.objects.select_for_update().filter(id=job_id, state__in=OPEN)


def _end_done(ids: list[UUID]) -> None:
    """End jobs of which all is queued and nothing waits; what neither arrived nor failed left the queue unsent."""
    over = Job.objects.filter(id__in=ids, state__in=UNFINISHED, cursor=ALL_QUEUED)
    short = over.filter(total__gt=F("done") + F("failed"))
    short.filter(problem="").update(problem=LEFT_UNSENT)
    short.update(failed=F("total") - F("done"))
    over.update(state=State.DONE, finished_at=clock.likely_now())


def _kept(kind: Kind, selection: Selection) -> dict[str, object]:
    return (waiting_only(selection) if kind == Kind.CANCEL else selection).to_json()


def _selection(job: Job) -> Selection:
    return Selection.from_json(job.filters)


def _next_part(job: Job) -> Part:
    # What came after the job was asked for is not part of it. After a failure a chunk is a quarter of the last one.
    size = max(1, CHUNK >> 2 * max(0, job.failures - 1))
    before, viewer = floor_of(job.made_at + timedelta(milliseconds=1)), Viewer(job.customer_id)
    return next_part(job.kind, _selection(job), viewer, after=job.cursor, before=before, size=size)


def _waiting(job: Job) -> int:
    return DueDelivery.objects.filter(job_id=job.id)[:WAITING_LIMIT].count()
