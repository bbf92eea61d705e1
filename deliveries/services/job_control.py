"""Cancelling and resuming bulk work.

What lives here: what a person does to a job under way. What a cancel takes back is kept with the job, no more than may
wait of it at once, so that resuming sends just that and what was never queued. It must not know requests.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from deliveries.conf import conf
from deliveries.errors import Conflict
from deliveries.models import Delivery, Job, Lane
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold
from deliveries.services.import_jobs import forget_lines
from deliveries.services.resending.backlog import take_back
from deliveries.services.resending.jobs import IN_FLIGHT, STOPPABLE

State = Job.State
SENDING = (Job.Kind.REDELIVER, Job.Kind.RECOVER, Job.Kind.REPLAY)
LONGEST_TIMEOUT_SECONDS = 30  # of an endpoint


def may_resume(job: Job) -> bool:
    """Say whether a job can go on: one that failed, or one that sends and was cancelled before its end."""
    return job.state == State.FAILED or (job.state == State.CANCELLED and job.kind in SENDING)


def cancel_job(job: Job, *, actor: str, reason: str = "", note: str = "") -> Job:
    """Stop a job: nothing more is queued, and what waits is taken back. What is in flight still arrives."""
    with transaction.atomic():
        limits.lock(job.customer)
        hold(job)
        if job.state not in STOPPABLE:
            raise Conflict(say("the job is {lower} already", lower=job.get_state_display().lower()))
        job.state, job.finished_at = State.CANCELLED, clock.likely_now()
        job.save(update_fields=["state", "finished_at"])
        forget_lines(job.id)
        record_act(actor, "job.cancel", customer=job.customer, object_id=job.public_id, reason=reason, note=note)
    _keep_taken(job, take_back(job.id, by_event=job.kind == Job.Kind.REPLAY))
    return job


def _keep_taken(job: Job, taken: list[UUID]) -> None:
    """Keep what a cancel took back, for a resume; also where somebody resumed the job meanwhile."""
    all_taken = Func("taken_back", Value(taken, Job._meta.get_field("taken_back")), function="array_cat")
    unfinished = Job.objects.filter(id=job.id).exclude(state=State.DONE)
    unfinished.update(taken_back=all_taken, queued=F("queued") - len(taken))


def resume_job(job: Job, *, actor: str, reason: str = "", note: str = "") -> Job:
    """Let a failed or cancelled job go on: first with what was taken back, then at its cursor.

    Raises Conflict, LimitReached.
    """
    with transaction.atomic():
        limits.lock(job.customer)
        limits.refuse_more_jobs(job.customer, by_operator=job.by_operator)
        hold(job)
        if not may_resume(job):
            raise Conflict(
                say(
                    "the job is {lower}; only one that failed or was cancelled is resumed",
                    lower=job.get_state_display().lower(),
                )
            )
        job.rest_until = _ended_by(job)
        if job.rest_until:
            job.problem = IN_FLIGHT
        job.state, job.failures, job.finished_at = State.RUNNING, 0, None
        job.save(update_fields=["state", "failures", "rest_until", "finished_at", "problem"])
        record_act(actor, "job.resume", customer=job.customer, object_id=job.public_id, reason=reason, note=note)
    return job


def _ended_by(job: Job) -> datetime | None:
    """Return until when to wait for what was in flight at the cancel; None where each lane is free, with all recorded.

    What is answered and not written down yet would be queued, and sent, once more.
    """
    if job.finished_at is None or job.state != State.CANCELLED or job.kind == Job.Kind.REPLAY or not job.taken_back:
        return None
    endpoints = set(Delivery.objects.filter(id__in=job.taken_back).values_list("endpoint_id", flat=True))
    is_free = Q(lease_until=None) | Q(lease_until__lt=Now())
    lanes = Lane.objects.select_for_update(skip_locked=True).filter(is_free, endpoint_id__in=endpoints)
    if len(lanes) == len(endpoints):
        return None
    return job.finished_at + timedelta(seconds=LONGEST_TIMEOUT_SECONDS + conf.lease_seconds)
