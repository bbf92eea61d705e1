"""Take, accept, answer.

What lives here: one round of it, and going on until told to stop. A message is finished only after its event is
committed; its key is the event's Idempotency-Key, so that one which comes again stores nothing more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from django.db import connection
from rest_framework.exceptions import APIException

from deliveries.api.auth import KnownKey
from deliveries.api.drafts import read_draft
from deliveries.consume.source import EventSource, Message, SourceAway
from deliveries.errors import Conflict, HookpostError, InvalidInput, Unavailable
from deliveries.protocol.writing.trace_context import read_trace_context
from deliveries.services.accepting.events import Accepted, EventDraft, accept_events
from deliveries.services.accepting.fan_out import begin_fan_outs
from deliveries.services.common import clock

BATCH = 200  # a statement of more costs PostgreSQL more for each: its joins grow faster than they do
PAUSE_SECONDS = 1.0
REASON_LIMIT = 500

log = structlog.get_logger(__name__)

Wake = Callable[[Iterable[tuple[UUID, bool]]], None]


def consume_all(sources: Sequence[EventSource], *, wake: Wake, stop: list[int]) -> None:
    """Consume by several readers at once, until `stop` holds something; what one of them raises ends all."""
    if len(sources) == 1:
        consume(sources[0], wake=wake, stop=stop)
        return
    with ThreadPoolExecutor(len(sources), thread_name_prefix="consume") as pool:
        for ended in as_completed([pool.submit(_consume_apart, source, wake, stop) for source in sources]):
            stop.append(0)
            ended.result()


def _consume_apart(source: EventSource, wake: Wake, stop: Sequence[object]) -> None:
    """Consume in a thread, which has a connection to the database of its own."""
    try:
        consume(source, wake=wake, stop=stop)
    finally:
        connection.close()


def consume(source: EventSource, *, wake: Wake, stop: Sequence[object]) -> None:
    """Consume until `stop` holds something."""
    while not stop:
        try:
            is_stuck = consume_batch(source, wake=wake)
        except (SourceAway, Unavailable) as error:
            log.warning("consume_waits", error=str(error))
            is_stuck = True
        if is_stuck:
            time.sleep(PAUSE_SECONDS)
            connection.close_if_unusable_or_obsolete()  # of a database that was restarted; nobody else looks here


def consume_batch(source: EventSource, *, wake: Wake) -> bool:
    """Accept what the source has now; returns whether some of it has to wait."""
    messages = source.take(BATCH)
    if not messages:
        return False
    results = accept_events([_draft(message) for message in messages])
    pairs = list(zip(messages, results, strict=True))
    source.finish(
        [message for message, result in pairs if isinstance(result, Accepted)],
        [(message, _reason(result)) for message, result in pairs if _is_refused(result)],
    )
    accepted = [result for result in results if isinstance(result, Accepted)]
    wake(lane for each in accepted for lane in each.wake)
    if any(each.pending for each in accepted):
        begin_fan_outs(wake)
    waiting = [result for result in results if isinstance(result, Unavailable | Conflict)]
    if waiting:
        log.warning("consume_waits", error=str(waiting[0]), messages=len(waiting))
    return bool(waiting)


def _draft(message: Message) -> EventDraft | HookpostError:
    if not message.key:
        return InvalidInput(
            "is missing: without it an event that comes twice would be stored twice", field="message_id"
        )
    caller = KnownKey(id=UUID(int=0), name="consume", customer_id=None, scopes=frozenset())
    try:
        trace = read_trace_context(message.traceparent, message.tracestate)
        draft = read_draft(message.raw, caller, idempotency_key=message.key, trace_context=trace)
        return replace(draft, api_key_id=None, deliver_at=_still_to_come(draft.deliver_at))
    except HookpostError as error:
        return error
    except APIException as error:
        return InvalidInput(str(error.detail))


def _still_to_come(deliver_at: datetime | None) -> datetime | None:
    """Return when an event is to be sent, None for at once: there is nobody to tell that it is late."""
    return deliver_at if deliver_at and deliver_at > clock.likely_now() else None


def _is_refused(result: Accepted | HookpostError) -> bool:
    return not isinstance(result, Accepted | Unavailable | Conflict)


def _reason(result: Accepted | HookpostError) -> str:
    field = result.field if isinstance(result, InvalidInput) else ""
    return (f"{field}: {result}" if field else str(result) or "there is no such customer")[:REASON_LIMIT]
