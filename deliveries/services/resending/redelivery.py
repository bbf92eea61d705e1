"""Sending one delivery again by hand. Bulk work is in jobs.py."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from deliveries import sql
from deliveries.errors import Conflict, NotFound
from deliveries.models import Delivery, Endpoint
from deliveries.models.base import REASON_LIMIT
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.audit import record_act
from deliveries.sql.rows import RedeliverOneRow

REFUSALS = {
    "waiting": say("a redelivery of this delivery is waiting to be sent"),
    "under_way": say("an attempt of this delivery is under way"),
    "event_gone": say("the event is older than the retention and cannot be sent again"),
    "event_erased": say("the content of the event was erased"),
    "endpoint_gone": say("the endpoint was deleted"),
}


def redeliver(delivery: Delivery, *, actor: str, reason: str = "", note: str = "") -> list[tuple[UUID, bool]]:
    """Queue one more attempt beside the schedule; returns the lanes to wake, raises Conflict when it may not be now."""
    with transaction.atomic():
        rows = sql.fetch(RedeliverOneRow, {"delivery_id": delivery.id, "actor": actor, "reason": reason[:REASON_LIMIT]})
        if not rows and not Endpoint.objects.filter(id=delivery.endpoint_id).exists():
            raise Conflict(REFUSALS["endpoint_gone"])  # with its customer
        if not rows:
            raise NotFound(say("no such delivery"))
        if rows[0].refused:
            raise Conflict(REFUSALS[rows[0].refused])
        customer, object_id = delivery.customer, delivery.public_id
        record_act(actor, "delivery.redeliver", customer=customer, object_id=object_id, reason=reason, note=note)
    return [(rows[0].endpoint_id, rows[0].slow)]
