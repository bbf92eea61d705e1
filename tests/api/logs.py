"""Rows of the log, as they are after things happened.

What lives here: writing events, deliveries and attempts directly. It must not know the API.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from deliveries.models import Attempt, Delivery, DueDelivery, Endpoint, Event
from deliveries.models.base import new_id
from deliveries.protocol.writing.ids import delivery_id, floor_of

BODY = b'{"type":"a.b","timestamp":"2026-01-01T00:00:00.000Z","data":{}}'


def log_event(endpoint: Endpoint, *, type: str = "a.b", age: timedelta = timedelta(0)) -> Event:  # noqa: A002
    """An event of the endpoint's customer."""
    moment = datetime.now(UTC) - age
    last_bits = new_id().int & (1 << 62) - 1  # two of the same millisecond are two
    id_ = UUID(int=floor_of(moment).int | last_bits) if age else new_id()
    return Event.objects.create(id=id_, customer_id=endpoint.customer_id, type=type, body=BODY, created_at=moment)


def log_delivery(
    endpoint: Endpoint,
    *,
    state: str = "succeeded",
    type: str = "a.b",  # noqa: A002
    age: timedelta = timedelta(0),
    **columns: Any,
) -> Delivery:
    """A delivery that ended, or waits, in that state."""
    event = log_event(endpoint, type=type, age=age)
    values = {"attempts": 0 if state == "held" else 1, "finished_at": None, **columns}
    if state == "exhausted":
        values["failed_at"] = event.created_at
    return Delivery.objects.create(
        id=delivery_id(event.id, endpoint.id),
        event=event,
        endpoint=endpoint,
        customer_id=endpoint.customer_id,
        event_type=type,
        state=state,
        created_at=event.created_at,
        **values,
    )


def log_attempt(delivery: Delivery, **columns: Any) -> Attempt:
    """An attempt of a delivery."""
    values = {"number": 1, "started_at": datetime.now(UTC), "duration_ms": 12, "status_code": 204, **columns}
    return Attempt.objects.create(delivery=delivery, endpoint_id=delivery.endpoint_id, **values)


def log_due(delivery: Delivery, *, manual: bool = False, **columns: Any) -> DueDelivery:
    """A place in the queue for a delivery."""
    values = {"due_at": datetime.now(UTC) - timedelta(minutes=1), **columns}  # a test has one now()
    return DueDelivery.objects.create(
        delivery_id=delivery.id,
        manual=manual,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        **values,
    )
