"""Emitting from inside a Django project, without HTTP in between.

What lives here: `deliveries.emit`. The event belongs to the caller's own transaction: if that is rolled
back, it was never emitted. It must not know how events are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Self
from uuid import UUID

from django.db import transaction

from deliveries.actors import wake
from deliveries.errors import InvalidId, InvalidInput, NotFound
from deliveries.models import Customer
from deliveries.protocol.events.event_data import check_idempotency_key, write_data
from deliveries.protocol.events.event_types import check_own_name
from deliveries.protocol.events.tags import check_tags
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.trace_context import read_trace_context
from deliveries.services.accepting.events import Accepted, EventDraft, accept_event
from deliveries.services.accepting.fan_out import begin_fan_outs
from deliveries.services.catalogue.schemas import Violation

# An event without an owner's key: Idempotency-Keys from inside share one space.
INSIDE = UUID(int=0)


class Emitted(str):
    """The id of an emitted event, with what POST /events would tell besides.

    `deliveries` says to how many endpoints it goes, None while a large fan-out goes on.
    `warnings` is what its data breaks of a schema that warns.
    """

    __slots__ = ("deliveries", "warnings")

    deliveries: int | None
    warnings: tuple[Violation, ...]

    def __new__(cls, event_id: str, *, deliveries: int | None = 0, warnings: Sequence[Violation] = ()) -> Self:
        made = super().__new__(cls, event_id)
        made.deliveries, made.warnings = deliveries, tuple(warnings)
        return made


def emit(
    customer: Customer | UUID | str,
    event_type: str,
    data: dict[str, object],
    *,
    timestamp: datetime | None = None,
    deliver_at: datetime | None = None,
    idempotency_key: str | None = None,
    traceparent: str | None = None,
    tracestate: str = "",
    tags: Sequence[str] = (),
    api_version: str | None = None,
) -> Emitted:
    """Store an event with its deliveries in the current transaction, and return the event's id (see Emitted).

    `customer` is a Customer, an id or a `uid`. Refuses what POST /events refuses; delivery begins at the commit.
    """
    raw, (customer_id, uid) = write_data(data), _owner(customer)
    key = None if idempotency_key is None else check_idempotency_key(idempotency_key, field="idempotency_key")
    draft = EventDraft(
        type=check_own_name(event_type, field="type"),
        data=raw,
        customer_id=customer_id,
        customer_uid=uid,
        timestamp=timestamp,
        deliver_at=deliver_at,
        tags=check_tags(tags),
        api_version=api_version,
        idempotency_key=key,
        owner_id=INSIDE if key else None,
        trace_context=read_trace_context(traceparent, tracestate) if traceparent else None,
    )
    return _emitted(accept_event(replace(draft, fingerprint=_fingerprint(draft)) if key else draft))


def _emitted(accepted: Accepted) -> Emitted:
    """Let its delivery begin when the transaction commits."""
    transaction.on_commit(lambda: begin_fan_outs(wake) if accepted.pending else wake(accepted.wake))
    event_id = ids.encode_id(ids.EVENT, accepted.event_id)
    return Emitted(event_id, deliveries=accepted.deliveries, warnings=accepted.warnings)


def _owner(customer: Customer | UUID | str) -> tuple[UUID | None, str | None]:
    """Return the id of a customer, or the uid that it was called by."""
    if isinstance(customer, str):
        if "\x00" in customer:
            raise NotFound("no such customer")
        try:
            return ids.decode_id(ids.CUSTOMER, customer), None
        except InvalidId:
            return None, customer
    if not isinstance(customer, Customer | UUID):
        raise InvalidInput("a customer is given as a row, an id or a uid", field="customer")
    return customer.id if isinstance(customer, Customer) else customer, None


def _fingerprint(draft: EventDraft) -> bytes:
    """Return what the same call again has in common with this one, and another has not."""
    told = [str(draft.customer_id or draft.customer_uid).encode(), draft.type.encode(), draft.data]
    others = (draft.timestamp, draft.deliver_at, *draft.tags)
    if any(others):
        told += [str(each).encode() for each in others]
    return sha256(b"\0".join(told)).digest()
