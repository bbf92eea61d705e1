"""What waits for an endpoint or a job, cancelled a bounded batch at a time.

What lives here: taking deliveries out of the queue before they are sent, with the reason. It must not know who asks.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef

from deliveries import sql
from deliveries.models import DueDelivery, Endpoint
from deliveries.protocol.sentences import say
from deliveries.sql.ending_rows import CancelDueRow

CANCEL_BATCH = 5000
DELETED = say("the endpoint was deleted")
BACKLOG_CANCELLED = say("the endpoint's backlog was cancelled")


def cancel_waiting(
    *, endpoint_id: UUID | None = None, job_id: UUID | None = None, scheduled_only: bool = False, why: str = ""
) -> int:
    """Cancel what waits for an endpoint or a job, a bounded batch at a time; returns how many.

    To a job that goes on what is cancelled counts as failed, and `why` is what it says of that.
    """
    total = 0
    while True:
        parameters = {"endpoint_id": endpoint_id, "job_id": job_id, "scheduled_only": scheduled_only, "why": why}
        taken = sql.fetch(CancelDueRow, {**parameters, "batch": CANCEL_BATCH})[0].taken
        total += taken
        if not taken:  # a batch that is not full may have met rows that somebody else took out
            return total


def take_back(job_id: UUID, *, by_event: bool) -> list[UUID]:
    """Cancel what waits for a job, a bounded batch at a time; returns which deliveries, or of which events."""
    found: list[UUID] = []
    while True:
        parameters = {"endpoint_id": None, "job_id": job_id, "scheduled_only": False, "why": ""}
        row = sql.fetch(CancelDueRow, {**parameters, "batch": CANCEL_BATCH})[0]
        found += row.event_ids if by_event else row.delivery_ids
        if not row.taken:
            return found


def cancel_orphans() -> int:
    """Cancel what was accepted or asked for at the very moment when its endpoint was deleted; returns how many."""
    waiting = Exists(DueDelivery.objects.filter(endpoint_id=OuterRef("id")))
    gone = Endpoint.objects.filter(waiting, deleted_at__isnull=False).values_list("id", flat=True)
    return sum(cancel_waiting(endpoint_id=endpoint_id, why=DELETED) for endpoint_id in gone[:100])
