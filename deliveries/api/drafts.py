"""From the bytes that a service posted to drafts of events.

What lives here: the form of an event's JSON, and what is refused before the database is asked. `data` is never
rebuilt: the bytes that came in are the bytes that are signed. It must not know how events are stored or answered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NoReturn, TypedDict
from uuid import UUID

import msgspec
import orjson
from rest_framework.exceptions import ParseError

from deliveries.api.auth import KnownKey
from deliveries.api.batches import TooDearError, TooManyMembersError, named_members, taken_apart, unreadable_member
from deliveries.errors import HookpostError, InvalidId, InvalidInput, InvalidMember, NotAllowed, NotFound
from deliveries.protocol.events.event_data import check_data, wrong_encoding
from deliveries.protocol.events.event_types import check_own_name
from deliveries.protocol.events.tags import check_tags
from deliveries.protocol.writing import ids, timestamps
from deliveries.protocol.writing.json_members import quotes_around
from deliveries.services.accepting.event_entries import refuse_large
from deliveries.services.accepting.events import EVERYONE, INSTALLATION, EventDraft

BATCH_LIMIT = 1000
# Of a batch beyond these figures the events are counted before they are read, and less is said of each.
LARGE_BYTES = 1_048_576
MANY_COMMAS = 100_000
PLACE = "\x1f"  # between a batch's Idempotency-Key and the place of an event; no caller's own key can hold it


class EventBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /events; `data` stays as it was written."""

    customer: str
    type: str
    data: msgspec.Raw
    timestamp: str | None = None
    deliver_at: str | None = None
    tags: list[str] | None = None
    api_version: str | None = None


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /events/batch."""

    events: list[msgspec.Raw]
    atomic: bool | msgspec.UnsetType = msgspec.UNSET


_SIZE = f"a batch has 1 to {BATCH_LIMIT} events"
# How many quotation marks a body has around its parts.
_EVENT_QUOTES = 10
_TEXT_QUOTES = 4
_BATCH_QUOTES = 2
_ATOMIC_QUOTES = 2

_HALF_PAIR = re.compile(rb"(?i)\\u(?:d[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..\\u)d[c-f])")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_event_decoder = msgspec.json.Decoder(EventBody)
_batch_decoder = msgspec.json.Decoder(BatchBody)


def read_draft(
    raw: bytes,
    key: KnownKey,
    *,
    idempotency_key: str | None,
    trace_context: str | None = None,
    fingerprint: bytes | None = None,
    pointing: bool = True,
) -> EventDraft:
    """Return the draft of the event in a body; raises what refuses it, and NotFound for another's customer.

    `fingerprint` is that of its batch, for a key stands for all of a request; `pointing` as in check_data.
    """
    try:
        given = _event_decoder.decode(raw)
    except _UNREADABLE as error:
        raise _refused_json(raw, error) from error
    if quotes_around(raw, data := bytes(given.data)) != _quotes_of(given):
        _check_names(raw)
    return EventDraft(
        type=check_own_name(given.type, field="type"),
        data=check_data(refuse_large(data), pointing=pointing),
        timestamp=_moment(given.timestamp, field="timestamp"),
        deliver_at=_moment(given.deliver_at, field="deliver_at"),
        idempotency_key=idempotency_key,
        emitter_id=key.customer_id,
        owner_id=key.customer_id or INSTALLATION,
        api_key_id=None if key.is_token else key.id,
        fingerprint=(fingerprint or hashlib.sha256(raw).digest()) if idempotency_key else b"",
        trace_context=trace_context,
        tags=() if given.tags is None else check_tags(given.tags),
        api_version=given.api_version,
        **_customer(given.customer, key),
    )


def _quotes_of(given: EventBody) -> int:
    """Return how many quotation marks an event has around its data when it names each member once."""
    texts = (given.timestamp is not None) + (given.deliver_at is not None) + (given.api_version is not None)
    return _EVENT_QUOTES + texts * _TEXT_QUOTES + (0 if given.tags is None else 2 + 2 * len(given.tags))


def read_batch(
    raw: bytes, key: KnownKey, *, idempotency_key: str | None, trace_context: str | None = None
) -> tuple[list[EventDraft | HookpostError], bool]:
    """Return a draft, or what refuses it, for each event of a batch, and whether all or none is wanted."""
    batch, events = _events_of(raw)
    if not 1 <= len(events) <= BATCH_LIMIT:
        raise InvalidInput(_SIZE, field="events")
    pointing = len(raw) <= LARGE_BYTES
    if idempotency_key is None:
        read = partial(read_draft, key=key, idempotency_key=None, trace_context=trace_context, pointing=pointing)
        return [_draft_or_error(each, read) for each in events], batch.atomic is True
    fingerprint = hashlib.sha256(raw).digest()
    read = partial(read_draft, key=key, trace_context=trace_context, fingerprint=fingerprint, pointing=pointing)
    drafts = [
        _draft_or_error(each, partial(read, idempotency_key=place_key(idempotency_key, place)))
        for place, each in enumerate(events)
    ]
    return drafts, batch.atomic is True


def place_key(idempotency_key: str, place: int) -> str:
    """Return the key of one event of a batch."""
    return f"{idempotency_key}{PLACE}{place}"


def _events_of(raw: bytes) -> tuple[BatchBody, list[bytes]]:
    """Return a batch and its events; raises what refuses it whole."""
    if len(raw) > LARGE_BYTES and raw.count(b",") > MANY_COMMAS:
        return _apart(raw)
    try:
        batch = _batch_decoder.decode(raw)
        events = [bytes(each) for each in batch.events]
    except _UNREADABLE:
        return _apart(raw)
    quotes = _BATCH_QUOTES if batch.atomic is msgspec.UNSET else _BATCH_QUOTES + _ATOMIC_QUOTES
    if raw.count(b'"') - sum(each.count(b'"') for each in events) != quotes:
        return _apart(raw)
    return batch, events


def _check_names(raw: bytes) -> None:
    """Refuse an object whose own members have the same name; what is inside of them is looked at elsewhere."""
    seen = set()
    for name, _ in named_members(raw):
        if name in seen:
            raise InvalidMember(f"an object names /{name} twice", pointer=f"/{name}")
        seen.add(name)


def _apart(raw: bytes) -> tuple[BatchBody, list[bytes]]:
    """Return a batch in which something may not be readable, and its events, if the fault lies inside of events."""
    try:
        others, events = taken_apart(raw, name="events", most=BATCH_LIMIT)
        written = [b"%b:%b" % (orjson.dumps(name), value) for name, value in others]
        return _batch_decoder.decode(b"{%b}" % b",".join([*written, b'"events":[]'])), events
    except TooManyMembersError as error:
        raise InvalidInput(_SIZE, field="events") from error
    except TooDearError as error:
        raise ParseError("the body is not JSON, and too large to be looked at event by event") from error
    except (ValueError, *_UNREADABLE):
        return _refused_batch(raw)


def _refused_batch(raw: bytes) -> NoReturn:
    """Say of what is no batch what the strict reader says of it."""
    try:
        _batch_decoder.decode(raw)
    except _UNREADABLE as error:
        raise _refused_json(raw, error) from error
    raise ParseError("the body is not JSON")


class _Reference(TypedDict, total=False):
    customer_id: UUID
    customer_uid: str


def _draft_or_error(raw: bytes, read: Callable[[bytes], EventDraft]) -> EventDraft | HookpostError:
    try:
        return read(raw)
    except HookpostError as error:
        return error
    except ParseError as error:
        return InvalidInput(str(error.detail), field=unreadable_member(raw))


def _customer(reference: str, key: KnownKey) -> _Reference:
    """Return how the event's customer is to be found: by the id that a reference is, or by the uid."""
    if reference == EVERYONE and key.customer_id is not None:
        raise NotAllowed("only a service key emits for every customer")
    if "\x00" in reference:
        raise NotFound
    try:
        return {"customer_id": ids.decode_id(ids.CUSTOMER, reference)}
    except InvalidId:
        return {"customer_uid": reference}


def _moment(text: str | None, *, field: str) -> datetime | None:
    return None if text is None else timestamps.read(text, field=field)


def _said(error: Exception, raw: bytes) -> str:
    # msgspec looks for the other half where the text ends, and takes that for the end of all.
    return "a text has half of a surrogate pair" if _HALF_PAIR.search(raw) else str(error)


def _refused_json(raw: bytes, error: Exception) -> Exception:
    text = "it nests too deep" if isinstance(error, RecursionError) else wrong_encoding(raw) or _said(error, raw)
    if not isinstance(error, msgspec.ValidationError):
        return ParseError(f"the body is not JSON: {text}")
    sentence, _, place = text.partition(" - at `$")
    pointer = place.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    if not pointer and "field `" in sentence:
        pointer = sentence.rpartition("field ")[2].strip("`")
    return InvalidInput(sentence[:1].lower() + sentence[1:], field=pointer)
