"""Erasing the content of one event: its body, and what attempts have kept that may repeat it.

What lives here: the order of it. First the body, so that nothing of it is queued or sent any more; then what waits and
the attempts, a bounded part at a time. The log stays. It must not know who asks. Asked again, it does the same again:
what was in flight the first time has its answer in the log by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from deliveries import sql
from deliveries.models import Attempt, Customer, Event
from deliveries.protocol.events.event_data import ERASED
from deliveries.protocol.sending.batching import read_place
from deliveries.services.bodies.sent_batches import sent_together
from deliveries.services.common.audit import record_act
from deliveries.sql.ending_rows import EraseDeliveriesRow

BATCH = 500
CONTENT_ERASED = "the content of an event was erased"


def erase_content(event: Event, *, actor: str, reason: str = "", note: str = "") -> int:
    """Erase an event's content for good and cancel what waits of it; returns how many deliveries were cancelled."""
    owner = Customer.objects.filter(id=event.customer_id).first()
    with transaction.atomic():
        record_act(actor, "event.erase", customer=owner, object_id=event.public_id, reason=reason, note=note)
        sql.run("erase_content", {"event_id": event.id, "body": ERASED})
    cancelled, after = 0, UUID(int=0)
    while True:
        parameters = {"event_id": event.id, "after_id": after, "batch": BATCH, "why": CONTENT_ERASED}
        row = sql.fetch(EraseDeliveriesRow, parameters)[0]
        cancelled += row.cancelled
        _erase_beside(row.attempt_ids or ())
        if row.last_id is None:
            break
        after = row.last_id
    event.refresh_from_db()
    return cancelled


def _erase_beside(attempt_ids: Sequence[UUID]) -> None:
    """Take the answer to a request that carried several events from the attempts of the others: it may repeat any."""
    for attempt in Attempt.objects.filter(id__in=attempt_ids):
        if read_place(attempt.request_headers) is not None:
            beside = [each.id for each in sent_together(attempt)]
            Attempt.objects.filter(id__in=beside).update(
                response_headers="", response_body=b"", truncated=False, detail=""
            )
