"""What waits for an endpoint or a job, cancelled a bounded batch at a time.

What lives here: taking deliveries out of the queue before they are sent, with the reason. It must not know who asks.
"""

from __future__ import annotations

from itertools import repeat
from uuid import UUID

from django.db.models import Exists, OuterRef

from deliveries import sql
from deliveries.models import DueDelivery, Endpoint
from deliveries.protocol.writing.sentences import say
from deliveries.sql.ending_rows import CancelDueRow

CANCEL_BATCH = 5000
ORPHANED_AT_ONCE = 100  # endpoints
DELETED = say("the endpoint was deleted")
BACKLOG_CANCELLED = say("the endpoint's backlog was cancelled")


def cancel_waiting(
    *,
    endpoint_id: UUID | None = None,
    job_id: UUID | None = None,
    backlog_only: bool = False,
    why: str = "",
    batches: int | None = None,
) -> int:
    """Cancel what waits for an endpoint or a job, a bounded batch at a time, all or so many; returns how many.

    With `backlog_only` redeliveries are left, and events for later. To a job that goes on what is cancelled counts as
    failed, and `why` is what it says of that.
    """
    total = 0
    for _ in repeat(None) if batches is None else repeat(None, batches):
        parameters = {"endpoint_id": endpoint_id, "job_id": job_id, "backlog_only": backlog_only, "why": why}
        row = sql.fetch(CancelDueRow, {**parameters, "batch": CANCEL_BATCH})[0]
        total += row.taken
        if not row.found:  # what was found and not taken, somebody else took out
            break
    return total


def take_back(job_id: UUID, *, by_event: bool) -> list[UUID]:
    """Cancel what waits for a job, a bounded batch at a time; returns which deliveries, or of which events."""
    found: list[UUID] = []
    while True:
        parameters = {"endpoint_id": None, "job_id": job_id, "backlog_only": False, "why": ""}
        row = sql.fetch(CancelDueRow, {**parameters, "batch": CANCEL_BATCH})[0]
        found += row.event_ids if by_event else row.delivery_ids
        if not row.found:
            return found


def cancel_orphans() -> int:
    """Cancel what still waits for endpoints that were deleted, a bounded number; returns how many."""
    waiting = Exists(DueDelivery.objects.filter(endpoint_id=OuterRef("id")))
    gone = Endpoint.objects.filter(waiting, deleted_at__isnull=False).values_list("id", flat=True)
    total = 0
    for endpoint_id in gone[:ORPHANED_AT_ONCE]:
        total += cancel_waiting(endpoint_id=endpoint_id, why=DELETED, batches=1)
        if total >= CANCEL_BATCH:
            break
    return total
