"""Doing bulk work, step by step: whose turn it is, and what a step queues.

What lives here: one step of one job. It must not know requests, and rings no bell: what is to be woken is in the
answers. A step queues a bounded chunk and moves the job's cursor in one transaction, so that a killed worker's
successor goes on where the queue says, and queues nothing twice. What is queued has the last rank, and only so much of
a job waits at once.

Steps are taken in rotation by who asked (sql/take_job_turn.sql): a customer with many jobs has one place, and one
step at a time.

A step is counted as failed before it begins and as good when it commits, so that one which ends its
worker counts too. After each failure the job rests longer and the next chunk is smaller; after FAILURES_LIMIT in a
row it is `failed` until a person resumes or cancels it. What it queued before is sent all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from deliveries import sql
from deliveries.errors import reason_of
from deliveries.models import Attempt, DueDelivery, Endpoint, Job
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.ids import floor_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock
from deliveries.services.common.statement_timeout import at_most
from deliveries.services.erasures import take_erasure_step
from deliveries.services.import_jobs import take_import_step
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.backlog import DELETED
from deliveries.services.resending.cancellations import cancel_deliveries
from deliveries.services.resending.candidates import Eligible, Part, eligible, next_part
from deliveries.services.resending.jobs import ALL_QUEUED, LASTING, OPEN, WAITING_LIMIT, Kind, State
from deliveries.sql.rows import QueueRedeliveriesRow, QueueReplaysRow, TakeJobTurnRow

log = structlog.get_logger(__name__)

CHUNK = 1000
STEP_SECONDS = 5.0
PROBLEM_LIMIT = 300
FAILURES_LIMIT = 5
REST_SECONDS, REST_GROWTH = 2, 5  # 2 s, 10 s, 50 s, 250 s: a database that restarts fails no job
WORKER_LOST = say("the worker ended during the step")

Lanes = list[tuple[UUID, bool]]
MoveOn = Callable[[Job], None]
_STEPS_OF_OTHERS = {Kind.ERASE: take_erasure_step, Kind.IMPORT: take_import_step}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was taken: of which job, whether it wants another at once, and the lanes to wake."""

    job_id: UUID
    more: bool
    lanes: Lanes


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
        if job is None or _is_all_queued(job) or _waiting(job) >= WAITING_LIMIT:
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
        lanes, move_on = _queue_again(seen) if seen.taken_back else _queue_next(seen)
        job = _locked(job_id).first()
        if job is None or (job.cursor, job.taken_back) != (seen.cursor, seen.taken_back):
            transaction.set_rollback(True)  # it was cancelled, or taken further
            return False, []
        move_on(job)
        _note_success(job)
        job.save()
    return not _is_all_queued(job), lanes


def _queue_next(job: Job) -> tuple[Lanes, MoveOn]:
    part = _next_part(job)
    found = eligible(job.kind, _selection(job), part.ids, since=job.created_at)
    number, lanes = _act(job, found.ids)
    return lanes, partial(_move_on, edge=part.edge, queued=number, lost=_lost(job, part, found))


def _queue_again(job: Job) -> tuple[Lanes, MoveOn]:
    """Queue what a cancel took back, but for what was in flight then and was answered all the same."""
    ids = job.taken_back[: _chunk(job)]
    answers = {} if job.kind == Kind.REPLAY else _answers(job, ids)  # a replay never sends twice: queue_replays.sql
    rows = queue_rows(job, [each for each in ids if each not in answers])
    failed = sum(bool(error) for error in answers.values())
    number = len(answers) + sum(row.queued for row in rows)
    act = partial(
        _take_up, number=number, arrived=len(answers) - failed, failed=failed, left=job.taken_back[len(ids) :]
    )
    return [(row.endpoint_id, row.slow) for row in rows], act


def _answers(job: Job, ids: list[UUID]) -> dict[UUID, str]:
    """Return what came of those that were sent beside their schedules since the job was asked for.

    What was cut off by the end of a worker was due again.
    """
    since = Attempt.objects.filter(id__gte=floor_of(job.created_at), number=None, delivery_id__in=ids)
    answered = since.exclude(error="worker_lost").order_by("id")
    return dict(answered.values_list("delivery_id", "error"))


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


def _move_on(job: Job, *, edge: UUID | None, queued: int, lost: int) -> None:
    job.queued, job.failed, job.lost = job.queued + queued, job.failed + lost, job.lost + lost
    job.cursor = edge or ALL_QUEUED
    known = job.queued + job.lost
    # What could not be sent again is not waited for; and what was counted was a bounded count.
    job.total = known if job.cursor == ALL_QUEUED else max(job.total, known)
    if lost:
        job.problem = DELETED


def _take_up(job: Job, *, number: int, arrived: int, failed: int, left: list[UUID]) -> None:
    job.queued, job.done, job.failed = job.queued + number, job.done + arrived, job.failed + failed
    job.taken_back = left


def _note_success(job: Job) -> None:
    job.state, job.started_at = State.RUNNING, job.started_at or clock.likely_now()
    job.failures, job.rest_until, job.problem = 0, None, job.problem if job.problem in LASTING else ""


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
        job.problem = reason_of(error)[:PROBLEM_LIMIT].replace("\0", "")
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


def _selection(job: Job) -> Selection:
    return Selection.from_json(job.filters)


def _next_part(job: Job) -> Part:
    # What came after the job was asked for is not part of it.
    before, viewer = floor_of(job.made_at + timedelta(milliseconds=1)), Viewer(job.customer_id)
    return next_part(job.kind, _selection(job), viewer, after=job.cursor, before=before, size=_chunk(job))


def _chunk(job: Job) -> int:
    """Return how much to queue in a step: after a failure a quarter of the last one."""
    return max(1, CHUNK >> 2 * max(0, job.failures - 1))


def _is_all_queued(job: Job) -> bool:
    return job.cursor == ALL_QUEUED and not job.taken_back


def _waiting(job: Job) -> int:
    return DueDelivery.objects.filter(job_id=job.id)[:WAITING_LIMIT].count()
