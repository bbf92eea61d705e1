"""Accept: an event is stored with its deliveries in one statement, or refused and not stored at all.

Single events of one process share a statement (shared_commits.py). Knows no requests and rings for nobody: what is to
be woken is in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from uuid import UUID

import orjson
import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from deliveries.database.failures import first_line, is_surely_undone
from deliveries.errors import BatchRefused, HookpostError, Unavailable, Unconfirmed
from deliveries.models import Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.events.operational import OPERATIONAL
from deliveries.protocol.writing.ids import EVENT, encode_id
from deliveries.services.accepting.event_entries import entry_of, entry_or_error, judged_entry
from deliveries.services.accepting.event_store import (
    ALONE,
    EVERYONE,
    NOT_STORED,
    Accepted,
    Entry,
    EventDraft,
    refuse_another_batch,
    store_events,
)
from deliveries.services.accepting.shared_commits import store_with_others
from deliveries.services.catalogue.api_versions import newest_version
from deliveries.services.catalogue.validation import rules_for
from deliveries.services.catalogue.version_schemas import example_to_send
from deliveries.tracing import switch

log = structlog.get_logger(__name__)

__all__ = [
    "EVERYONE",
    "INSTALLATION",
    "Accepted",
    "EventDraft",
    "accept_batch",
    "accept_event",
    "accept_events",
    "accept_own",
]

TEST_EVENT_TYPE = "hookpost.test"
INSTALLATION = UUID(int=1)  # whose the Idempotency-Keys of services are


def accept_event(draft: EventDraft) -> Accepted:
    """Store one event with its deliveries; raises what refused it, and nothing is stored then."""
    if (spans := switch.spans) is None:
        return _accept_one(draft)
    with spans.accepting([draft.trace_context]) as (span, context):
        accepted = _accept_one(replace(draft, trace_context=context))
        span.set_attribute("hookpost.event_id", encode_id(EVENT, accepted.event_id))
        return accepted


def _accept_one(draft: EventDraft) -> Accepted:
    entry = judged_entry(draft, rules_for([draft.type]))
    if entry.result is not None:
        return _accepted(entry.result)
    if connection.in_atomic_block:  # the caller's own transaction decides
        store_events([entry], limits=ALONE)
    else:
        store_with_others(entry)
    return _accepted(_result_of(entry))


def accept_events(
    drafts: Sequence[EventDraft | HookpostError], *, atomic: bool = False, check: Callable[[], None] | None = None
) -> list[Accepted | HookpostError]:
    """Store many events by one statement; a draft that is an error already keeps its place.

    One that is refused hinders no other, unless `atomic`: then BatchRefused tells the first refusal, and nothing is
    stored. `check` may refuse all of them, in the transaction that stores them.
    """
    if (spans := switch.spans) is None:
        return _accept_all(drafts, atomic=atomic, check=check)
    contexts = [draft.trace_context for draft in drafts if isinstance(draft, EventDraft)]
    with spans.accepting(contexts) as (_, context):
        alike = len(set(contexts)) == 1
        return _accept_all([_within(draft, context, alike=alike) for draft in drafts], atomic=atomic, check=check)


def accept_batch(
    drafts: Sequence[EventDraft | HookpostError], *, atomic: bool, idempotency_key: str, keys: Sequence[str]
) -> list[Accepted | HookpostError]:
    """Store a batch that came with a key of its own, whole or not at all beside another one with this key.

    `keys` are those that the events of any batch with this key have. Raises KeyReused.
    """
    draft = next((each for each in drafts if isinstance(each, EventDraft)), None)
    if draft is None or draft.owner_id is None:
        return accept_events(drafts, atomic=atomic)
    known = partial(refuse_another_batch, idempotency_key=idempotency_key, keys=keys, fingerprint=draft.fingerprint)
    return accept_events(drafts, atomic=atomic, check=partial(known, draft.owner_id))


def _within(draft: EventDraft | HookpostError, context: str | None, *, alike: bool) -> EventDraft | HookpostError:
    """Return a draft in the trace of its acceptance; one of several that came with traces of their own keeps it."""
    if isinstance(draft, HookpostError) or (draft.trace_context and not alike):
        return draft
    return replace(draft, trace_context=context)


def _accept_all(
    drafts: Sequence[EventDraft | HookpostError], *, atomic: bool, check: Callable[[], None] | None
) -> list[Accepted | HookpostError]:
    # Before a transaction holds one of the connections that whoever reads the rules may be waiting for.
    rules = rules_for({draft.type for draft in drafts if isinstance(draft, EventDraft)})
    entries = [entry_or_error(draft, rules) for draft in drafts]
    wanted = [entry for entry in entries if isinstance(entry, Entry) and entry.result is None]
    with _all_or_nothing() if check is not None or atomic else nullcontext():
        if check is not None:
            check()
        _refuse_first(entries if atomic else ())
        store_events(wanted, limits=ALONE)
        results = [_result_of(entry) for entry in entries]
        _refuse_first(results if atomic else ())
    return results


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """Hold a transaction; raises Unconfirmed where it is not certain how it ended."""
    try:
        with transaction.atomic():
            yield
    except (DatabaseError, InterfaceError) as error:
        log.warning("events_not_stored", error=first_line(error))
        raise Unavailable(NOT_STORED) if is_surely_undone(error) else Unconfirmed() from error


def send_to_one(endpoint: Endpoint, event_type: str, data: object, *, api_version: str | None = None) -> Accepted:
    """Emit an event to this endpoint only, whatever it asks for."""
    raw = orjson.dumps(data)
    entry = entry_of(EventDraft(type=event_type, data=raw, customer_id=endpoint.customer_id, api_version=api_version))
    store_events([entry], limits=ALONE, only_endpoint=endpoint.id)
    return _accepted(_result_of(entry))


def send_test_event(endpoint: Endpoint, *, event_type: str = TEST_EVENT_TYPE) -> Accepted:
    """Emit an example event to this endpoint only: the registered example of the type, or ours, if there is one."""
    known = visible.event_types(Viewer(endpoint.customer_id)).filter(name=event_type).order_by("customer_id").first()
    example: object = None
    version = newest = newest_version()
    if known is not None:  # in the newest version, which is then mapped to the endpoint's, or in that
        example, version = example_to_send(known, [newest, endpoint.api_version])
    if example is None:
        version = newest
        own = OPERATIONAL.get(event_type)
        example = own.example if own else {"message": "This is a test event."}
    return send_to_one(endpoint, event_type, example, api_version=version)


def accept_own(drafts: Sequence[EventDraft]) -> list[Accepted | HookpostError]:
    """Store operational events, for the endpoints that ask for them; Unavailable takes the transaction back."""
    entries = [entry_of(draft) for draft in drafts]
    with transaction.atomic():
        store_events(entries, limits=ALONE)
        results = [_result_of(entry) for entry in entries]
        if away := next((each for each in results if isinstance(each, Unavailable)), None):
            raise away
    return results


def _refuse_first(results: Sequence[object]) -> None:
    for place, result in enumerate(results):
        if isinstance(result, Unavailable):  # no event's fault
            raise result
        if isinstance(result, HookpostError):
            raise BatchRefused(place, result)


def _result_of(entry: Entry | HookpostError) -> Accepted | HookpostError:
    return entry if isinstance(entry, HookpostError) else entry.result or Unavailable("the event was not stored")


def _accepted(result: Accepted | HookpostError) -> Accepted:
    if isinstance(result, HookpostError):
        raise result
    return result
