"""Emitting from inside a Django project, without HTTP in between.

What lives here: `deliveries.emit`. The event belongs to the caller's own transaction: if that is rolled
back, it was never emitted. It must not know how events are stored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from deliveries.actors import wake
from deliveries.errors import InvalidInput
from deliveries.models import Customer
from deliveries.protocol import ids
from deliveries.protocol.event_types import check_name
from deliveries.services.events import EventDraft, accept_event

# An event without an owner's key: Idempotency-Keys from inside share one space.
INSIDE = UUID(int=0)


def emit(
    customer: Customer | UUID | str,
    event_type: str,
    data: dict[str, Any],
    *,
    timestamp: datetime | None = None,
    idempotency_key: str | None = None,
) -> str:
    """Store an event with its deliveries in the current transaction, and return the event's id.

    `customer` is a Customer, its id, or the `uid` that you gave it. Raises the errors of
    services.events.accept_event; delivery begins when the transaction commits.
    """
    try:
        raw = orjson.dumps(data)
    except TypeError as error:
        raise InvalidInput(f"data is not JSON: {error}", field="data") from error
    draft = EventDraft(
        type=check_name(event_type),
        data=raw,
        customer_id=customer.id if isinstance(customer, Customer) else customer if isinstance(customer, UUID) else None,
        customer_uid=customer if isinstance(customer, str) else None,
        timestamp=timestamp,
        idempotency_key=idempotency_key,
        owner_id=INSIDE if idempotency_key else None,
        fingerprint=raw if idempotency_key else b"",
    )
    accepted = accept_event(draft)
    transaction.on_commit(lambda: wake(accepted.wake))
    return ids.encode_id(ids.EVENT, accepted.event_id)
