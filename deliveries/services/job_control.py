"""Cancelling and resuming bulk work.

What lives here: what a person does to a job under way. What a cancel takes back is kept with the job, no more than may
wait of it at once, so that resuming sends just that and what was never queued. It must not know requests.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F

from deliveries.errors import Conflict
from deliveries.models import Attempt, Job
from deliveries.protocol.ids import floor_of
from deliveries.protocol.sentences import say
from deliveries.services import clock, limits
from deliveries.services.audit import record_act
from deliveries.services.backlog import take_back
from deliveries.services.import_jobs import forget_lines
from deliveries.services.jobs import CHUNK, STOPPABLE, queue_rows

State = Job.State
SENDING = (Job.Kind.REDELIVER, Job.Kind.RECOVER, Job.Kind.REPLAY)
ENDED = "the job is {}; only one that failed or was cancelled is resumed"


def may_resume(job: Job) -> bool:
    """Say whether a job can go on: one that failed, or one that sends and was cancelled before its end."""
    return job.state == State.FAILED or (job.state == State.CANCELLED and job.kind in SENDING)


def cancel_job(job: Job, *, actor: str, reason: str = "", note: str = "") -> Job:
    """Stop a job: nothing more is queued, and what waits is taken back. What is in flight still arrives."""
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(id=job.id)
        if locked.state not in STOPPABLE:
            raise Conflict(say("the job is {lower} already", lower=locked.get_state_display().lower()))
        locked.state, locked.finished_at = State.CANCELLED, clock.likely_now()
        locked.save(update_fields=["state", "finished_at"])
        forget_lines(job.id)
        record_act(actor, "job.cancel", customer=locked.customer, object_id=locked.public_id, reason=reason, note=note)
    taken = take_back(job.id, by_event=job.kind == Job.Kind.REPLAY)
    cancelled = Job.objects.filter(id=job.id, state=State.CANCELLED)
    cancelled.update(taken_back=taken, queued=F("queued") - len(taken))
    return locked


def resume_job(job: Job, *, actor: str, reason: str = "", note: str = "") -> Job:
    """Let a failed or cancelled job go on at its cursor, and queue what was taken back.

    Raises Conflict, LimitReached.
    """
    with transaction.atomic():
        limits.lock(job.customer)
        limits.refuse_more_jobs(job.customer, by_operator=job.by_operator)
        locked = Job.objects.select_for_update().get(id=job.id)
        if not may_resume(locked):
            raise Conflict(ENDED.format(locked.get_state_display().lower()))
        locked.queued += _queue_again(locked)
        locked.state, locked.failures, locked.rest_until, locked.finished_at = State.RUNNING, 0, None, None
        locked.taken_back = []
        locked.save(update_fields=["state", "failures", "rest_until", "finished_at", "queued", "taken_back"])
        record_act(actor, "job.resume", customer=locked.customer, object_id=locked.public_id, reason=reason, note=note)
    return locked


def _queue_again(job: Job) -> int:
    """Queue what a cancel took back, but for what arrived all the same because it was in flight."""
    arrived = _in_flight_then(job)
    ids = [each for each in job.taken_back if each not in arrived]
    parts = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    return sum(row.queued for part in parts for row in queue_rows(job, part))


def _in_flight_then(job: Job) -> set[UUID]:
    if job.kind == Job.Kind.REPLAY:  # never sent twice, see queue_replays.sql
        return set()
    # Since its start: an answer that came just before the cancel may be written down after it.
    since = Attempt.objects.filter(id__gte=floor_of(job.created_at), number=None)
    return set(since.filter(delivery_id__in=job.taken_back).values_list("delivery_id", flat=True))
