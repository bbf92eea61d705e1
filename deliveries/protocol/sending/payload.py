"""What an endpoint is sent of an event: by which method, in which form, with which headers.

What lives here: payload modes, forms of bodies, and which settings go together. It must not know rows, nor how a body
is signed or sent. A plain endpoint has no shaping at all, and its events are sent as they are stored.
Source: CloudEvents 1.0.2, JSON event format and HTTP protocol binding; WHATWG URL, application/x-www-form-urlencoded.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote, quote_plus

import msgspec
import orjson

from deliveries.errors import CannotShape, InvalidInput
from deliveries.protocol.answers.challenge import CHALLENGE, ORIGIN_HEADER, ChallengeKind, origin_name
from deliveries.protocol.events.api_versions import VERSION_HEADER, MappingStep, Route
from deliveries.protocol.sending.request import data_of, full_body, moment_of, thin_body
from deliveries.protocol.writing.sentences import say

METHODS = ("POST", "PUT", "PATCH")
FORM_LIMIT_BYTES = 1024 * 1024
FORM_DEPTH_LIMIT = 20
FORM = "application/x-www-form-urlencoded"
STRUCTURED = "application/cloudevents+json; charset=utf-8"

_VISIBLE = "".join(map(chr, range(0x21, 0x7F))).translate(str.maketrans("", "", '"%'))


class PayloadMode(StrEnum):
    """What of an event is in the body."""

    FULL = "full"
    THIN = "thin"
    DATA = "data"
    STRUCTURED = "cloudevents_structured"
    BINARY = "cloudevents_binary"


class BodyFormat(StrEnum):
    """How a body is written."""

    JSON = "json"
    FORM = "form"
    FORM_PAYLOAD = "form_payload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """How an endpoint wants its requests, where it wants them otherwise than plain.

    `trace_context`: with the trace of their event, which changes no body; only the engine is told, as of `challenge`:
    the kind that its URL has yet to answer, before which nothing else is sent. `batch_size`: up to so many events in a
    request; one that is not full waits so long for more. `api_version`: what the endpoint is pinned to; the way there
    is an event's own (EventText.steps).
    """

    payload_mode: PayloadMode = PayloadMode.FULL
    method: str = "POST"
    body_format: BodyFormat = BodyFormat.JSON
    transformation: str = ""
    trace_context: bool = False
    challenge: str = ""
    batch_size: int = 1
    batch_wait_ms: int = 0
    api_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """What is sent: the body and the headers that go with it, names in lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventText:
    """An event to be shaped: `whole` is its stored body, `id` its webhook-id, `source` where it comes from.

    `sent_as` is the version that it is sent in, `steps` what leads there; `made` is what they and a transformation made
    of it, where there is one of either.
    """

    id: str
    type: str
    whole: bytes = field(repr=False)
    source: str
    sent_as: str | None = None
    steps: Sequence[MappingStep] = ()
    made: bytes | None = field(default=None, repr=False)

    @property
    def data(self) -> bytes:
        """What was emitted, or what was made of it."""
        return data_of(self.whole) if self.made is None else self.made

    @property
    def whole_with_id(self) -> bytes:
        """What a transformation gets: the stored body with its id."""
        return b'{"id":%b,%b' % (orjson.dumps(self.id), self.whole[1:])


PLAIN = Shaping()
# Each that makes another body.
SHAPINGS = tuple(
    Shaping(payload_mode=mode, body_format=form)
    for form in BodyFormat
    for mode in PayloadMode
    if form == BodyFormat.JSON or mode in (PayloadMode.FULL, PayloadMode.THIN, PayloadMode.DATA)
)


@lru_cache(maxsize=1024)
def read_shaping(text: str) -> Shaping:
    """Return a shaping as the engine's statements write it; raises CannotShape for what a later release knows."""
    try:
        return msgspec.json.decode(text, type=Shaping)
    except msgspec.DecodeError as error:
        raise CannotShape(f"its payload settings are unknown here: {error}") from error


def shape(event: EventText, shaping: Shaping) -> Shaped:
    """Return what is sent of an event; raises CannotShape where these settings make no body of it."""
    if shaping.challenge:
        return _challenging(event, shaping)
    try:
        is_mapped = event.made is not None and event.steps and not shaping.transformation
        shaped = _by_mode(_with_data(event) if is_mapped else event, shaping.payload_mode)
    except (KeyError, TypeError, ValueError) as error:
        raise CannotShape("the stored body cannot be read") from error
    written = _written(shaped, shaping.body_format)
    return written if event.sent_as is None else _told_version(written, event.sent_as)


def _challenging(event: EventText, shaping: Shaping) -> Shaped:
    """Return what asks a URL: nothing but a challenge goes to one that has yet to answer, and as it is stored."""
    if event.type != CHALLENGE:
        raise CannotShape("the URL of this endpoint has yet to answer its challenge", error="unverified")
    if shaping.challenge == ChallengeKind.OWN:
        return Shaped(body=event.whole)
    return Shaped(body=b"", headers={ORIGIN_HEADER: origin_name(event.source)})


def transformed(event: EventText, made: bytes) -> EventText:
    """Return an event with what its transformation made of it."""
    return replace(event, made=made)


def routed(event: EventText, route: Route) -> EventText:
    """Return an event with the version that it is sent in, and what leads there."""
    return replace(event, sent_as=route.sent_as, steps=route.steps)


def check_together(shaping: Shaping, header_names: Collection[str]) -> None:
    """Raise InvalidInput for settings of which one would undo another."""
    is_cloud_event = shaping.payload_mode in (PayloadMode.STRUCTURED, PayloadMode.BINARY)
    if shaping.body_format != BodyFormat.JSON and is_cloud_event:
        raise InvalidInput(say("a CloudEvent is JSON and no form"), field="body_format")
    if shaping.batch_size > 1 and shaping.payload_mode == PayloadMode.BINARY:
        raise InvalidInput(
            say("a binary CloudEvent goes alone; the structured ones can be in a batch"), field="batch_size"
        )
    if shaping.batch_size > 1 and shaping.body_format != BodyFormat.JSON:
        raise InvalidInput(say("a batch is JSON and no form"), field="batch_size")
    if shaping.transformation and shaping.payload_mode == PayloadMode.THIN:
        raise InvalidInput(say("a thin payload leaves nothing to transform"), field="transformation")
    fixed = _fixed_headers(shaping, header_names)
    if fixed:
        raise InvalidInput(
            say("the header {fixed} is set by payload_mode and body_format, and a custom one too", fixed=fixed[0]),
            field="headers",
        )


def _fixed_headers(shaping: Shaping, names: Collection[str]) -> list[str]:
    is_binary = shaping.payload_mode == PayloadMode.BINARY
    has_type = shaping.body_format != BodyFormat.JSON or shaping.payload_mode == PayloadMode.STRUCTURED
    return [
        name
        for name in names
        if (is_binary and name.replace("_", "-").startswith("ce-")) or (has_type and name == "content-type")
    ]


def _with_data(event: EventText) -> EventText:
    """Return an event as it would be stored with what was made as its data."""
    return replace(event, whole=full_body(event.type, moment_of(event.whole), event.made or b""), made=None)


def _told_version(shaped: Shaped, version: str) -> Shaped:
    return replace(shaped, headers={**shaped.headers, VERSION_HEADER: version})


def _by_mode(event: EventText, mode: PayloadMode) -> Shaped:
    match mode:
        case PayloadMode.FULL:
            return Shaped(body=event.whole if event.made is None else event.made)
        case PayloadMode.DATA:
            return Shaped(body=event.data)
        case PayloadMode.THIN:
            url = f"{event.source}/api/v1/events/{event.id}"
            if event.sent_as is not None:
                url += f"?api_version={event.sent_as}"
            return Shaped(body=thin_body(event.type, moment_of(event.whole), event_id=event.id, url=url))
        case PayloadMode.STRUCTURED:
            return Shaped(body=_structured(event), headers={"content-type": STRUCTURED})
        case PayloadMode.BINARY:
            attributes = {f"ce-{name}": quote(value, safe=_VISIBLE) for name, value in _attributes(event).items()}
            return Shaped(body=event.data, headers=attributes)
    assert_never(mode)


def _attributes(event: EventText) -> dict[str, str]:
    moment = moment_of(event.whole)
    return {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, "time": moment}


def _structured(event: EventText) -> bytes:
    attributes = orjson.dumps(_attributes(event) | {"datacontenttype": "application/json"})
    return b'%b,"data":%b}' % (attributes[:-1], event.data)


def _written(shaped: Shaped, body_format: BodyFormat) -> Shaped:
    match body_format:
        case BodyFormat.JSON:
            return shaped
        case BodyFormat.FORM:
            return Shaped(body=form_of(shaped.body), headers={"content-type": FORM})
        case BodyFormat.FORM_PAYLOAD:
            return Shaped(body=b"payload=" + quote_plus(shaped.body).encode(), headers={"content-type": FORM})
    assert_never(body_format)


def form_of(body: bytes) -> bytes:
    """Return a JSON object as fields of a form, `data[lines][0][sku]=…`; numbers stay as they were written."""
    try:
        read = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise CannotShape("the body is nested too deep for a form") from error
    if not isinstance(read, dict):
        raise CannotShape("only an object can be sent as a form")
    parts, size = [], 0
    for name, value in _fields(read):
        size += len(name) + len(value)  # before they are quoted, which may be large
        if size <= FORM_LIMIT_BYTES:
            parts.append(f"{quote_plus(name)}={quote_plus(value)}")
            size += len(parts[-1]) + 1 - len(name) - len(value)
        if size > FORM_LIMIT_BYTES:
            raise CannotShape(f"a form has at most {FORM_LIMIT_BYTES} bytes", error="payload_too_large")
    return "&".join(parts).encode()


def _fields(read: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the fields in their order, one at a time and without recursion; an empty object or list is one field."""
    open_parts: list[tuple[str, Iterator[tuple[object, object]]]] = [("", _below(read))]
    while open_parts:
        prefix, members = open_parts[-1]
        name, value = next(members, (None, None))
        if name is None:
            open_parts.pop()
            continue
        whole = f"{prefix}[{name}]" if prefix else str(name)
        if isinstance(value, dict | list) and value:
            if len(open_parts) >= FORM_DEPTH_LIMIT:
                raise CannotShape(f"a form nests at most {FORM_DEPTH_LIMIT} deep")
            open_parts.append((whole, _below(value)))
        else:
            yield whole, _text(value)


def _below(value: Mapping[str, object] | list[object]) -> Iterator[tuple[object, object]]:
    return iter(value.items()) if isinstance(value, Mapping) else iter(enumerate(value))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""
