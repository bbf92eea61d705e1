"""Bulk work: sending again by filter, what failed, what was never sent; cancelling; erasures and imports.

What lives here: asking for it, and its end. job_steps.py does it, job_control.py cancels and resumes it. It must not
know requests, and rings no bell.

How many jobs one may have open is counted by who asked; the operator's places are its own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from deliveries import sql
from deliveries.errors import InvalidInput
from deliveries.models import Customer, Job
from deliveries.models.base import REASON_LIMIT
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.ids import floor_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.backlog import BACKLOG_CANCELLED, DELETED
from deliveries.services.resending.cancellations import waiting_only
from deliveries.services.resending.candidates import Count, count_eligible
from deliveries.sql.rows import TendJobsRow

WAITING_LIMIT = 5000
ALL_QUEUED = UUID(int=2**128 - 1)  # the cursor of a job of which only that is left to queue which a cancel took back
# Who was served so much later than now was so by a clock of the database that was wrong.
SET_BACK = timedelta(minutes=2)
LEFT_UNSENT = say("the rest left the queue unsent: it was cancelled, or its day is over")
IN_FLIGHT = say("what was in flight when it was cancelled has to end first: it goes on within a minute")
LASTING = frozenset({DELETED, BACKLOG_CANCELLED, LEFT_UNSENT})  # what a good step does not put right
TOLD_TO_ALL = LASTING | {IN_FLIGHT}
PROBLEM_OF_OURS = say("a part of it could not be queued")  # told in place of what went wrong inside

Kind = Job.Kind
State = Job.State
OPEN = (State.PENDING, State.RUNNING)
UNFINISHED = (*OPEN, State.HELD)
STOPPABLE = (*UNFINISHED, State.FAILED)
ACTIONS = {Kind.CANCEL: "job.cancel_deliveries"}  # in the audit trail `job.cancel` is a job that was cancelled


def count_matching(kind: str, selection: Selection, *, viewer: Viewer, looks: int | None = None) -> Count:
    """Return how many deliveries a job would queue now, as far as counting goes; refuses to mean everything."""
    if selection.is_empty:
        raise InvalidInput(say("say which deliveries, by one filter at least"))
    if kind == Kind.CANCEL:
        selection = waiting_only(selection)
    before = floor_of(clock.likely_now() + timedelta(milliseconds=1))
    return count_eligible(kind, selection, viewer, before=before, looks=looks)


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
            reason=reason[:REASON_LIMIT],
            total=total,
        )
        action, detail = ACTIONS.get(kind, f"job.{kind}"), {"filters": job.filters, "total": total}
        record_act(actor, action, customer=customer, object_id=job.public_id, reason=reason, detail=detail)
    return job


def problem_of(job: Job, *, viewer: Viewer) -> str:
    """Return why a job stopped; what went wrong inside is for the operator to read."""
    if viewer.is_operator or job.problem in TOLD_TO_ALL:
        return job.problem
    return job.problem and PROBLEM_OF_OURS


def tend_jobs() -> list[UUID]:
    """End jobs of which nothing waits any more, hold those that only wait; returns those that want another step.

    One that somebody keeps locked has its turn later.
    """
    rows = sql.fetch(TendJobsRow, {"all_queued": ALL_QUEUED, "waiting_limit": WAITING_LIMIT})
    _end_and_turn(rows)
    wanting = Job.objects.filter(id__in=[row.id for row in rows if not row.all_queued and not row.held])
    rested = Q(rest_until=None) | Q(rest_until__lte=clock.likely_now())
    return list(wanting.filter(rested).order_by("id").values_list("id", flat=True))


def unserved(ids: Collection[UUID], *, seconds: float) -> list[UUID]:
    """Return those of some jobs that want a step, unless a step of any job was begun that short a time ago."""
    if not ids:
        return []
    now = clock.likely_now()
    lately = Job.objects.filter(
        state__in=OPEN, served_at__gt=now - timedelta(seconds=seconds), served_at__lt=now + SET_BACK
    )
    return [] if lately.exists() else list(ids)


def _end_and_turn(rows: Collection[TendJobsRow]) -> None:
    """End those of some jobs that are over, and hold the others or let them go on, as their endpoints do."""
    over = {row.id for row in rows if row.all_queued and not row.waits}
    turning = [row for row in rows if row.held != (row.state == State.HELD)]
    if not over and not turning:
        return
    with transaction.atomic():
        free = _lock_free([*over, *(row.id for row in turning)])
        for row in turning:
            state = State.HELD if row.held else State.RUNNING
            Job.objects.filter(id__in=free & {row.id}, state=row.state).update(state=state)
        _end_done(over & free)


def _lock_free(ids: Collection[UUID]) -> set[UUID]:
    """Lock those of some jobs that nobody has locked; returns which."""
    free = Job.objects.select_for_update(skip_locked=True).filter(id__in=ids).order_by("id")
    return set(free.values_list("id", flat=True))


def _end_done(ids: Collection[UUID]) -> None:
    """End jobs of which all is queued and nothing waits; what neither arrived nor failed left the queue unsent."""
    over = Job.objects.filter(id__in=ids, state__in=UNFINISHED, cursor=ALL_QUEUED, taken_back=[])
    short = over.filter(total__gt=F("done") + F("failed"))
    short.filter(problem="").update(problem=LEFT_UNSENT)
    short.update(failed=F("total") - F("done"))
    over.update(state=State.DONE, finished_at=clock.likely_now())


def _kept(kind: Kind, selection: Selection) -> dict[str, object]:
    return (waiting_only(selection) if kind == Kind.CANCEL else selection).to_json()
