"""Accept: an event is stored with its deliveries in one statement, or refused and not stored at all.

Concurrent callers of one process share a statement (group commit). Knows no requests and rings no bell:
what is to be woken is in the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction

from deliveries.conf import conf
from deliveries.database.failures import first_line, is_surely_undone
from deliveries.database.limits import answered_within
from deliveries.errors import (
    BatchRefused,
    HookpostError,
    InvalidData,
    InvalidEventType,
    InvalidInput,
    KeyReused,
    Unavailable,
    Unconfirmed,
)
from deliveries.models import Endpoint, IdempotencyKey, visible
from deliveries.models.base import new_id
from deliveries.models.visible import Viewer
from deliveries.protocol import timestamps
from deliveries.protocol.event_types import is_ours, matching_keys
from deliveries.protocol.ids import time_of
from deliveries.protocol.operational import OPERATIONAL
from deliveries.protocol.request import full_body
from deliveries.services import clock
from deliveries.services.group_commit import COMMIT_SECONDS, Ending, GroupCommit
from deliveries.services.refusals import refusal_of
from deliveries.services.retention import open_partitions
from deliveries.services.schemas import Violation
from deliveries.services.validation import Rules, check_data, rules_for

log = structlog.get_logger(__name__)

TEST_EVENT_TYPE = "hookpost.test"
GROUP_LIMIT = 100
NOT_STORED = "the database does not store anything at the moment; nothing was stored"
INSTALLATION = UUID(int=1)  # whose the Idempotency-Keys of services are


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """What a caller wants to emit; `data` is raw JSON and is kept byte for byte.

    The customer is named by id or by `uid`. `emitter_id` is the customer whose key emits it, for which there are no
    other customers; None for a service. `owner_id` is whose Idempotency-Keys these are; `api_key_id` makes acceptance
    depend on that key being alive at this moment.
    """

    type: str
    data: bytes
    customer_id: UUID | None = None
    customer_uid: str | None = None
    timestamp: datetime | None = None
    idempotency_key: str | None = None
    emitter_id: UUID | None = None
    owner_id: UUID | None = None
    api_key_id: UUID | None = None
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A stored event. `wake` names the lanes (endpoint id, whether slow) that got work; none for a repeated key.

    `deliveries` is None while a large fan-out goes on. `warnings` is what its data breaks of a schema that only warns.
    """

    event_id: UUID
    deliveries: int | None
    wake: tuple[tuple[UUID, bool], ...] = ()
    warnings: tuple[Violation, ...] = ()


@dataclass(slots=True)
class _Entry:
    draft: EventDraft
    event_id: UUID
    body: bytes
    warnings: tuple[Violation, ...] = ()
    result: Accepted | HookpostError | None = None


def accept_event(draft: EventDraft) -> Accepted:
    """Store one event with its deliveries; raises what refused it, and nothing is stored then."""
    entry = _judged(draft, rules_for([draft.type]))
    if connection.in_atomic_block:  # the caller's own transaction decides
        _commit([entry])
    else:
        _submit(entry)
    if not isinstance(entry.result, Accepted):
        raise entry.result or Unavailable("the event was not stored")
    return entry.result


def accept_events(
    drafts: Sequence[EventDraft | HookpostError], *, atomic: bool = False
) -> list[Accepted | HookpostError]:
    """Store many events by one statement; a draft that is an error already keeps its place.

    One that is refused does not hinder the others, unless `atomic`: then BatchRefused tells the first
    refusal, and nothing is stored.
    """
    rules = rules_for({draft.type for draft in drafts if isinstance(draft, EventDraft)})
    entries = [_entry_or_error(draft, rules) for draft in drafts]
    wanted = [entry for entry in entries if isinstance(entry, _Entry)]
    if not atomic:
        _commit(wanted)
        return [_result_of(entry) for entry in entries]
    _refuse_first(entries)
    with transaction.atomic():
        _commit(wanted)
        results = [_result_of(entry) for entry in entries]
        _refuse_first(results)
    return results


def send_test_event(endpoint: Endpoint, *, event_type: str = TEST_EVENT_TYPE) -> Accepted:
    """Emit an example event to this endpoint only: the registered example of the type, or ours, if there is one."""
    types = visible.event_types(Viewer(endpoint.customer_id)).filter(name=event_type).exclude(example=None)
    example = types.order_by("customer_id").values_list("example", flat=True).first()
    if example is None:
        own = OPERATIONAL.get(event_type)
        example = own.example if own else {"message": "This is a test event of Hookpost."}
    draft = EventDraft(type=event_type, data=orjson.dumps(example), customer_id=endpoint.customer_id)
    entry = _entry(draft)
    _commit([entry], only_endpoint=endpoint.id)
    if not isinstance(entry.result, Accepted):
        raise entry.result or Unavailable("the event was not stored")
    return entry.result


def accept_own(drafts: Sequence[EventDraft]) -> list[Accepted | HookpostError]:
    """Store operational events, for the endpoints that ask for them; Unavailable takes the transaction back."""
    entries = [_entry(draft) for draft in drafts]
    with transaction.atomic():
        _commit(entries)
        results = [_result_of(entry) for entry in entries]
        for result in results:
            if isinstance(result, Unavailable):
                raise result
    return results


def _refuse_first(results: Sequence[object]) -> None:
    for place, result in enumerate(results):
        if isinstance(result, Unavailable):  # no event's fault
            raise result
        if isinstance(result, HookpostError):
            raise BatchRefused(place, result)


def _result_of(entry: _Entry | HookpostError) -> Accepted | HookpostError:
    return entry if isinstance(entry, HookpostError) else entry.result or Unavailable("the event was not stored")


def _entry_or_error(draft: EventDraft | HookpostError, rules: Rules) -> _Entry | HookpostError:
    try:
        return draft if isinstance(draft, HookpostError) else _judged(draft, rules)
    except InvalidInput as error:
        return error


def _judged(draft: EventDraft, rules: Rules) -> _Entry:
    """Hold data against the schema of its type; a repeated event keeps its answer although the schema changed."""
    if is_ours(draft.type):
        raise InvalidEventType("names that begin with hookpost. are Hookpost's own", field="type")
    entry = _entry(draft)
    try:
        entry.warnings = check_data(rules, draft.type, draft.data, customer_id=draft.emitter_id)
    except InvalidData:
        known = IdempotencyKey.objects.filter(pk=(draft.owner_id, draft.idempotency_key))
        if draft.idempotency_key is None or not known.exists():
            raise
    return entry


def _entry(draft: EventDraft) -> _Entry:
    event_id = new_id()
    moment = timestamps.in_utc(draft.timestamp or time_of(event_id), field="timestamp")
    body = full_body(draft.type, timestamps.write(moment), draft.data)
    if len(body) > conf.body_limit_bytes:
        raise InvalidInput(f"the event is larger than {conf.body_limit_bytes} bytes", field="data")
    return _Entry(draft, event_id, body)


def _commit(group: Sequence[_Entry], *, only_endpoint: UUID | None = None) -> None:
    if not group or _is_refused_by_clock(group):
        return
    try:
        _store(group, only_endpoint)
    except DataError as error:
        if len(group) > 1 and not connection.in_atomic_block:  # one of them cannot be stored: let it alone be refused
            for entry in group:
                _commit([entry], only_endpoint=only_endpoint)
            return
        for entry in group:
            entry.result = InvalidInput(f"the data cannot be stored: {first_line(error)}", field="data")
    except (DatabaseError, InterfaceError) as error:  # away, full, read-only
        log.warning("events_not_stored", events=len(group), error=first_line(error))
        refusal = Unavailable(NOT_STORED) if is_surely_undone(error) else Unconfirmed()
        for entry in group:
            entry.result = entry.result or refusal


def _is_refused_by_clock(group: Sequence[_Entry]) -> bool:
    refusal = clock.refusal(part="accept")
    for entry in group:
        entry.result = entry.result or refusal
    return refusal is not None


def _store(group: Sequence[_Entry], only_endpoint: UUID | None) -> None:
    parameters = _parameters(group) | {"only_endpoint": only_endpoint}
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            rows = clock.run("accept_events", parameters)
    except IntegrityError as error:
        if "no partition" not in str(error):
            raise
        open_partitions()
        rows = clock.run("accept_events", parameters)
    by_id = {row.event_id: row for row in rows}
    # First those that are stored: looking up the others asks the database again, which may fail.
    for entry in sorted(group, key=lambda each: not by_id[each.event_id].accepted):
        entry.result = _result(entry, by_id[entry.event_id])


def _parameters(group: Sequence[_Entry]) -> dict[str, Any]:
    drafts = [entry.draft for entry in group]
    return {
        "ids": [entry.event_id for entry in group],
        "customers": [draft.customer_id for draft in drafts],
        "customer_uids": [draft.customer_uid for draft in drafts],
        "types": [draft.type for draft in drafts],
        "type_keys": [" ".join(matching_keys(draft.type)) for draft in drafts],
        "bodies": [entry.body for entry in group],
        "emitters": [draft.emitter_id for draft in drafts],
        "owners": [draft.owner_id for draft in drafts],
        "keys": [draft.idempotency_key for draft in drafts],
        "fingerprints": [draft.fingerprint for draft in drafts],
        "api_keys": [draft.api_key_id for draft in drafts],
        "clock_tolerance_seconds": float(conf.clock_tolerance_seconds),
        "reject_unknown": conf.unknown_event_types == "reject",
    }


def _result(entry: _Entry, row: Any) -> Accepted | HookpostError:
    if row.accepted:
        wake = tuple((endpoint_id, False) for endpoint_id in row.wake)
        wake += tuple((endpoint_id, True) for endpoint_id in row.wake_slow)
        return Accepted(event_id=row.event_id, deliveries=row.deliveries, wake=wake, warnings=entry.warnings)
    return refusal_of(row.refused, event_type=entry.draft.type) if row.refused else _repeated(entry)


def _repeated(entry: _Entry) -> Accepted | HookpostError:
    draft = entry.draft
    known = IdempotencyKey.objects.filter(pk=(draft.owner_id, draft.idempotency_key)).first()
    if known is None:
        return Unavailable("the first request with this Idempotency-Key did not commit")
    if bytes(known.fingerprint) != draft.fingerprint:
        return KeyReused("this Idempotency-Key came with another body before")
    return Accepted(event_id=known.event_id, deliveries=known.deliveries, warnings=entry.warnings)


def _submit(entry: _Entry) -> None:
    ending = _commits.submit(entry)
    if ending is Ending.NOT_BEGUN:
        raise Unavailable(NOT_STORED)
    if ending is Ending.UNKNOWN:
        raise Unconfirmed()


def _commit_group(group: Sequence[_Entry]) -> None:
    connection.close_if_unusable_or_obsolete()  # after an error, or a restart, this group gets a new one
    with answered_within(COMMIT_SECONDS):
        _commit(group)


_commits = GroupCommit(_commit_group, limit=GROUP_LIMIT)
