"""Erasing a customer as a job: asked for once, done in steps by workers, with its progress.

What lives here: the job's beginning, and one step of it. It must not know what there is to erase. The job and one
audit entry outlive what they erased; of the customer both hold its id only.
"""

from __future__ import annotations

import time
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from deliveries.models import Delivery, Event, Job
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.erase import NOTHING, Traced, erase_customer

COUNT_LIMIT = 100_000
OPEN = (Job.State.PENDING, Job.State.RUNNING)


def start_erasure(customer_id: UUID, *, actor: str) -> Job:
    """Return the job that erases a customer, the one under way if there is one; raises LimitReached."""
    filters, total = {"customer_id": str(customer_id)}, _count(customer_id)
    with transaction.atomic():
        limits.lock(None)
        under_way = Job.objects.filter(kind=Job.Kind.ERASE, state__in=OPEN, filters=filters).first()
        if under_way is not None:
            return under_way
        limits.refuse_more_jobs(None, by_operator=True)
        job = Job.objects.create(kind=Job.Kind.ERASE, by_operator=True, filters=filters, actor=actor, total=total)
        record_act(actor, "job.erase", object_id=job.public_id)
    return job


def take_erasure_step(job_id: UUID, *, seconds: float) -> bool:
    """Erase for so long; returns whether there is more. Cancelled, it stops where it is."""
    job, give_up_at = Job.objects.get(id=job_id), time.monotonic() + seconds
    traced = Traced(job.cursor or NOTHING)
    for number in erase_customer(UUID(job.filters["customer_id"]), actor=job.actor, traced=traced):
        if not _note(job_id, number, traced):
            return False
        if time.monotonic() > give_up_at:
            return True
    done = Job.objects.filter(id=job_id, state__in=OPEN)
    done.update(state=Job.State.DONE, finished_at=clock.likely_now(), total=F("done"))
    return False


def _note(job_id: UUID, number: int, traced: Traced) -> bool:
    """Write down progress; false when the job was cancelled meanwhile."""
    rows = Job.objects.filter(id=job_id, state__in=OPEN)
    return bool(
        rows.update(
            state=Job.State.RUNNING,
            started_at=Coalesce(F("started_at"), clock.likely_now()),
            done=F("done") + number,
            cursor=traced.through,
            failures=0,
            rest_until=None,
            problem="",
        )
    )


def _count(customer_id: UUID) -> int:
    return sum(
        model._default_manager.filter(customer_id=customer_id).order_by()[:COUNT_LIMIT].count()
        for model in (Event, Delivery)
    )
