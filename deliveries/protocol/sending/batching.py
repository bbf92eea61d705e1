"""Several events in one request: its body, its id, and what a receiver says of single ones.

What lives here: how large a batch may be, how it is written, and how an answer to it is read. It must not know rows,
lanes or how a request is signed. Source: CloudEvents 1.0.2, JSON batch format; RFC 4918 11.1 for the 207.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import orjson

from deliveries.errors import InvalidInput
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.shown_body import content_encoding, inflated
from deliveries.protocol.events.api_versions import VERSION_HEADER
from deliveries.protocol.sending.payload import EventText, PayloadMode, Shaped, Shaping
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say

SIZE_MAX = 100
WAIT_MS_MAX = 5000
BODY_LIMIT_BYTES = 1_000_000  # what nginx takes if nobody said otherwise is a little more; one larger event goes alone
FRAME_BYTES = 64  # around each event
PARTLY = 207
CLOUD_EVENTS = "application/cloudevents-batch+json; charset=utf-8"
REASON_CHARACTERS = 300

# The whole was refused for what is in it, which may be one event's doing.
_REFUSED_FOR_CONTENT = frozenset({400, 409, 413, 422})
_PLACE = ":batch: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in its request an event stood, from 1 on, and among how many."""

    place: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartlyTaken:
    """What a 207 says: the ids that failed, each with its reason, and what is odd about it, for people."""

    failed: Mapping[str, str]
    odd: str = ""


def check_batches(size: int, *, ordered: bool, polled: bool, traced: bool) -> None:
    """Raise InvalidInput where an endpoint can have no batches."""
    if size == 1:
        return
    if ordered:
        raise InvalidInput(say("an ordered endpoint is sent one event at a time"), field="batch_size")
    if polled:
        raise InvalidInput(say("who polls says with each poll how many it takes"), field="batch_size")
    if traced:
        raise InvalidInput(
            say("the events of a batch are of several traces, and a request is of one"), field="batch_size"
        )


def largest_batch(size: int, *, attempts: int, tries: int) -> int:
    """Return in how large a batch a delivery may go that failed so often, of so many tries that its schedule has.

    Each failed attempt quarters it, and the last one is made alone: so an event that its receiver cannot take, or that
    makes it fail, is soon alone with its failures, whatever the receiver says about it.
    """
    if not attempts:
        return size
    return 1 if attempts >= tries - 1 else max(1, size >> 2 * attempts)


def is_refused_as_whole(answer: Answer) -> bool:
    """Say whether one event may be why all were refused; a receiver that asks for time is given it."""
    return answer.status in _REFUSED_FOR_CONTENT and not answer.error and answer.header("retry-after") is None


def batch_id(event_ids: Sequence[UUID]) -> str:
    """Return the webhook-id of a request with these events: the same ones in this order always have the same."""
    digest = sha256(b"".join([each.bytes for each in event_ids])).digest()
    return ids.encode_id(ids.BATCH, UUID(bytes=digest[:16]))


def batch_body(members: Sequence[tuple[str, bytes]], mode: PayloadMode) -> Shaped:
    """Return the body of events with their ids, each written as it would be sent alone, byte for byte."""
    if mode == PayloadMode.STRUCTURED:
        return Shaped(body=b"[%b]" % b",".join([body for _, body in members]), headers={"content-type": CLOUD_EVENTS})
    parts = [b'{"id":"%b","payload":%b}' % (event_id.encode(), body) for event_id, body in members]
    return Shaped(body=b'{"events":[%b]}' % b",".join(parts))


def sent_alone(event: EventText, shaped: Shaped, shaping: Shaping) -> tuple[Shaped, str]:
    """Return what is sent of one event, and its webhook-id: to an endpoint that has batches, a batch of one."""
    if shaping.batch_size == 1:
        return shaped, event.id
    message_id = batch_id([ids.decode_id(ids.EVENT, event.id)])
    whole = batch_body([(event.id, shaped.body)], shaping.payload_mode)
    version = {name: value for name, value in shaped.headers.items() if name == VERSION_HEADER}
    return Shaped(body=whole.body, headers={**whole.headers, **version}), message_id


def read_partly(answer: Answer, members: Collection[str]) -> PartlyTaken:
    """Return which of its events a receiver that answered 207 did not take; raises ValueError if it does not say."""
    encoding = content_encoding(answer.headers)
    plain = inflated(answer.body, encoding)
    if plain is None:
        raise ValueError(f"its content-encoding {encoding} is not read")
    if answer.truncated:
        raise ValueError("it is too long: of an answer 16 KB are read")
    try:
        read = orjson.loads(plain)
    except ValueError as error:
        raise ValueError("it is no JSON") from error
    listed = read["failed"] if isinstance(read, dict) and isinstance(read.get("failed"), list) else None
    if listed is None:
        raise ValueError('it has no list named "failed"')
    return _partly(listed, members)


def _partly(listed: Sequence[object], members: Collection[str]) -> PartlyTaken:
    failed: dict[str, str] = {}
    strange = 0
    for each in listed:
        event_id = each.get("id") if isinstance(each, dict) else None
        if isinstance(event_id, str) and event_id in members:
            assert isinstance(each, dict)
            failed.setdefault(event_id, _reason(each.get("reason")))
        else:
            strange += 1
    return PartlyTaken(
        failed=failed, odd=f"{strange} of the entries of failed name no event of this request" * (strange > 0)
    )


def _reason(given: object) -> str:
    text = given if isinstance(given, str) else ""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:REASON_CHARACTERS]


def place_line(place: int, size: int) -> str:
    """Return the line by which the log keeps where in its request an event stood; before the headers, as the method."""
    return f"{_PLACE}{place} {size}\n"


def read_place(lines: str) -> Place | None:
    """Return where in its request an event stood, of the lines that the log keeps; None where it went alone."""
    for line in lines.split("\n", 2)[:2]:
        if line.startswith(_PLACE):
            place, size = map(int, line.removeprefix(_PLACE).split(" "))
            return Place(place=place, size=size)
    return None
