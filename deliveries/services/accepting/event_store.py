"""The statement that stores events with their deliveries, and what its rows mean.

What lives here: events on their way into the log, and how much of the work for one customer may be done in a
statement that others share. It must not know who calls, or how callers come together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from deliveries import sql
from deliveries.database.failures import first_line, is_surely_undone, lacks_partition
from deliveries.errors import HookpostError, InvalidInput, KeyReused, Unavailable, Unconfirmed
from deliveries.metrics import names
from deliveries.models import Customer, IdempotencyKey
from deliveries.protocol.writing.remembered import remember
from deliveries.services.accepting.event_columns import event_columns, lone_columns
from deliveries.services.accepting.refusals import ARCHIVED, UNKNOWN_TYPE, refusal_of
from deliveries.services.catalogue.schemas import Violation
from deliveries.services.common import clock
from deliveries.services.housekeeping.retention import open_partitions
from deliveries.services.process.budgets import Callers
from deliveries.services.process.readiness import note_refusal
from deliveries.sql.days import day_of
from deliveries.sql.rows import AcceptEventRow, AcceptEventsRow, AcceptKeyedEventRow

log = structlog.get_logger(__name__)

OTHER_BODY = "this Idempotency-Key came with another body before"
NOT_STORED = "the database does not store anything at the moment; nothing was stored"
NOT_PLAIN_SECONDS, NOT_PLAIN_LIMIT = 60.0, 10_000
EVERYONE = "*"  # sql/accept_events.sql knows it too; no uid looks like this


Accept = Callable[..., Sequence[AcceptEventsRow]]

accepting = Callers()  # whose events this process stores
_not_plain: dict[UUID | str | None, float] = {}  # for whom the small statement is not tried, until then


@dataclass(frozen=True, slots=True)
class FanOutLimits:
    """How much of one customer's fan-out one statement does; what is beyond is done afterwards, apart.

    `endpoint_limit` counts an event's endpoints, `row_limit` those of a customer's events together. `filter_limit`
    is characters of filters x bytes of bodies: PostgreSQL takes up to 12 ns for each.
    """

    endpoint_limit: int = 200
    row_limit: int = 500
    filter_limit: int = 400_000

    def parameters(self) -> dict[str, int]:
        """Return the limits as sql/accept_events.sql names them."""
        return {name: getattr(self, name) for name in self.__slots__}


SHARED = FanOutLimits()
ALONE = FanOutLimits(row_limit=10_000, filter_limit=20_000_000)  # nobody waits for this statement but its caller


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """What a caller wants to emit; `data` is raw JSON and is kept byte for byte.

    The customer is named by id or by `uid`; EVERYONE in place of a `uid` means all of them. `emitter_id` is the
    customer whose key emits it, for which there are no other customers; None for a service. `deliver_at` is when it is
    sent first, `tags` are checked. `owner_id` is whose Idempotency-Keys these are; `api_key_id` makes acceptance
    depend on that key being alive at this moment. `trace_context` is as protocol/writing/trace_context.py reads it.
    `api_version` is what the data is in; None: the newest.
    """

    type: str
    data: bytes
    customer_id: UUID | None = None
    customer_uid: str | None = None
    timestamp: datetime | None = None
    deliver_at: datetime | None = None
    idempotency_key: str | None = None
    emitter_id: UUID | None = None
    owner_id: UUID | None = None
    api_key_id: UUID | None = None
    fingerprint: bytes = b""
    trace_context: str | None = None
    tags: Sequence[str] = ()
    api_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A stored event. `wake` names the lanes (endpoint id, whether slow) that got work; none for a repeated key.

    `pending` says that its deliveries are made after it (services/accepting/fan_out.py); `deliveries` is None then.
    `warnings` is what its data breaks of a schema that only warns.
    """

    event_id: UUID
    deliveries: int | None
    wake: tuple[tuple[UUID, bool], ...] = ()
    warnings: tuple[Violation, ...] = ()
    pending: bool = False

    def rung_for(self) -> Accepted:
        """Return the same without anything to wake; `replace` would ask which fields there are."""
        return Accepted(
            event_id=self.event_id, deliveries=self.deliveries, warnings=self.warnings, pending=self.pending
        )


@dataclass(slots=True)
class Entry:
    """An event on its way into the log, and what became of it; in `other_shapes`, versions, it looks otherwise."""

    draft: EventDraft
    event_id: UUID
    body: bytes
    warnings: tuple[Violation, ...] = ()
    deliver_at: datetime | None = None
    api_version: str | None = None
    other_shapes: Sequence[str] = ()
    result: Accepted | HookpostError | None = None


def store_events(group: Sequence[Entry], *, limits: FanOutLimits, only_endpoint: UUID | None = None) -> None:
    """Store events with their deliveries by one statement; each entry is told its result, also when that fails."""
    if not group or _is_refused_by_clock(group):
        return
    try:
        _store(group, limits, only_endpoint)
    except DataError as error:
        if limits.filter_limit >= 0:  # a filter could not read one of them: filters are evaluated apart, then
            apart = replace(limits, filter_limit=-1)
            for entry in group:
                store_events([entry], limits=apart, only_endpoint=only_endpoint)
            return
        for entry in group:
            entry.result = InvalidInput(f"the data cannot be stored: {first_line(error)}", field="data")
    except (DatabaseError, InterfaceError) as error:  # away, full, read-only
        log.warning("events_not_stored", events=len(group), error=first_line(error))
        note_refusal(error)
        refusal = Unavailable(NOT_STORED) if is_surely_undone(error) else Unconfirmed()
        for entry in group:
            entry.result = entry.result or refusal


def refuse_another_batch(owner_id: UUID, *, idempotency_key: str, keys: Sequence[str], fingerprint: bytes) -> None:
    """Raise KeyReused where another batch came with the key of this one, before a part of this is stored.

    Needs a transaction, to whose end other batches with this key wait. `keys` are those that any batch's events may
    have, for another may have been longer; `fingerprint` is this one's.
    """
    sql.run("lock_batch", {"owner_id": owner_id, "key": idempotency_key})
    known = _living_keys().filter(owner_id=owner_id, key__in=keys)
    if known.exclude(fingerprint=fingerprint).exists():
        raise KeyReused(OTHER_BODY)


def known_answer(draft: EventDraft) -> Accepted | None:
    """Return what this very event was answered before with its Idempotency-Key; None where it was not.

    A repeated event keeps its answer, whatever would be said of a new one by now.
    """
    if draft.idempotency_key is None or draft.owner_id is None:
        return None
    keys = _living_keys().filter(owner_id=draft.owner_id, key=draft.idempotency_key, fingerprint=draft.fingerprint)
    known = keys.first()
    return None if known is None else Accepted(event_id=known.event_id, deliveries=known.deliveries)


def _living_keys() -> QuerySet[IdempotencyKey]:
    """Return the keys that did not end with a customer."""
    living = Q(customer_id=None) | Exists(Customer.objects.filter(id=OuterRef("customer_id")))
    return IdempotencyKey.objects.filter(living)


def _is_refused_by_clock(group: Sequence[Entry]) -> bool:
    refusal = clock.refusal(part="accept")
    for entry in group:
        entry.result = entry.result or refusal
    return refusal is not None


def _store(group: Sequence[Entry], limits: FanOutLimits, only_endpoint: UUID | None) -> None:
    is_inside = connection.in_atomic_block
    accept = partial(_accept, group, limits, only_endpoint, is_inside=is_inside)
    try:
        rows = _in_savepoint(accept, _days(group)) if is_inside else accept(_days(group))
    except IntegrityError as error:
        if not lacks_partition(error):
            raise
        open_partitions()
        rows = accept()
    _note_results(group, rows)


def _in_savepoint(accept: Accept, days: sql.Days) -> Sequence[AcceptEventsRow]:
    with transaction.atomic():
        return accept(days)


def _note_results(group: Sequence[Entry], rows: Sequence[AcceptEventsRow]) -> None:
    now = time.monotonic()
    accepting.note(_whose(group[0].draft), now)
    if len(group) == 1:
        group[0].result = _result(group[0], rows[0])
        return
    accepting.note(_whose(group[-1].draft), now)
    by_id = {row.event_id: row for row in rows}
    # First those that are stored: looking up the others asks the database again, which may fail.
    for entry in sorted(group, key=lambda each: not by_id[each.event_id].accepted):
        entry.result = _result(entry, by_id[entry.event_id])


def _days(group: Sequence[Entry]) -> sql.Days:
    """Return the partitions that events and their deliveries go to, if all are of one day."""
    day = day_of(entry.event_id for entry in group)
    return (("hookpost_event", day), ("hookpost_delivery", day)) if day else ()


def _accept(
    group: Sequence[Entry], limits: FanOutLimits, only_endpoint: UUID | None, days: sql.Days = (), *, is_inside: bool
) -> Sequence[AcceptEventsRow]:
    """Run the statement, and count what it stored once that is certain."""
    is_alone = only_endpoint is None and len(group) == 1 and _is_plain(group[0])
    with names.COMMIT_SECONDS.timed():
        rows = _accept_alone(group[0], limits, days) if is_alone else ()
        rows = rows or clock.fetch(AcceptEventsRow, event_columns(group, limits, only_endpoint), days=days)
    if stored := sum(row.accepted for row in rows):
        names.COMMIT_EVENTS.observe(stored)
        if is_inside:
            transaction.on_commit(partial(names.EVENTS_ACCEPTED.add, stored))
        else:
            names.EVENTS_ACCEPTED.add(stored)
    return rows


def _is_plain(entry: Entry) -> bool:
    """Say whether the statements for what comes alone may know this event: else it would be asked twice."""
    draft = entry.draft
    is_simple = entry.deliver_at is None and not entry.other_shapes
    return is_simple and draft.customer_uid != EVERYONE and _not_plain.get(_whose(draft), 0.0) <= time.monotonic()


def _accept_alone(entry: Entry, limits: FanOutLimits, days: sql.Days) -> Sequence[AcceptEventsRow]:
    """Return the row of an event that was stored; none where the statement for many has to be asked."""
    is_keyed = entry.draft.idempotency_key is not None
    rows = clock.fetch(AcceptKeyedEventRow if is_keyed else AcceptEventRow, lone_columns(entry, limits), days=days)
    if not rows:
        remember(_not_plain, _whose(entry.draft), time.monotonic() + NOT_PLAIN_SECONDS, limit=NOT_PLAIN_LIMIT)
    return [row for row in rows if row.accepted]


def _whose(draft: EventDraft) -> UUID | str | None:
    return draft.customer_id or draft.customer_uid


def _result(entry: Entry, row: AcceptEventsRow) -> Accepted | HookpostError:
    if row.accepted:
        wake = tuple((endpoint_id, False) for endpoint_id in row.wake)
        wake += tuple((endpoint_id, True) for endpoint_id in row.wake_slow)
        return Accepted(
            event_id=row.event_id,
            deliveries=row.deliveries,
            wake=wake,
            warnings=entry.warnings,
            pending=row.pending,
        )
    if row.refused is None:
        return _repeated(entry)
    is_of_the_type = row.refused in (ARCHIVED, UNKNOWN_TYPE)
    return (is_of_the_type and known_answer(entry.draft)) or refusal_of(row.refused, event_type=entry.draft.type)


def _repeated(entry: Entry) -> Accepted | HookpostError:
    draft = entry.draft
    known = IdempotencyKey.objects.filter(pk=(draft.owner_id, draft.idempotency_key)).first()
    if known is None:
        return Unavailable("the first request with this Idempotency-Key did not commit")
    if bytes(known.fingerprint) != draft.fingerprint:
        return KeyReused(OTHER_BODY)
    return Accepted(event_id=known.event_id, deliveries=known.deliveries, warnings=entry.warnings)
