"""Batches as bytes: what is sent, how large one may be, and what an answer to it says, however it lies."""

from __future__ import annotations

import gzip
import json
from uuid import UUID, uuid4

import pytest

from deliveries.errors import InvalidInput
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.events.api_versions import Route
from deliveries.protocol.sending import batching
from deliveries.protocol.sending.batching import BODY_LIMIT_BYTES, largest_batch, read_partly, read_place
from deliveries.protocol.sending.payload import (
    BodyFormat,
    EventText,
    PayloadMode,
    Shaping,
    check_together,
    routed,
    shape,
)
from deliveries.protocol.sending.request import full_body
from deliveries.protocol.writing.ids import EVENT, encode_id

OURS = {"evt_1", "evt_2"}


def answered(body: bytes, **fields: object) -> Answer:
    return Answer(status=207, body=body, **fields)  # type: ignore[arg-type]


def test_events_are_written_as_they_would_be_alone_with_their_ids() -> None:
    members = [("evt_1", b'{"a": 1.50}'), ("evt_2", b"null")]
    sent = batching.batch_body(members, PayloadMode.FULL)
    assert (sent.body, dict(sent.headers)) == (
        b'{"events":[{"id":"evt_1","payload":{"a": 1.50}},{"id":"evt_2","payload":null}]}',
        {},
    )
    cloud = batching.batch_body([("evt_1", b'{"id":"evt_1"}'), ("evt_2", b'{"id":"evt_2"}')], PayloadMode.STRUCTURED)
    assert cloud.body == b'[{"id":"evt_1"},{"id":"evt_2"}]'
    assert cloud.headers["content-type"].startswith("application/cloudevents-batch+json")


def test_the_same_events_have_the_same_id_and_others_another() -> None:
    first, second = uuid4(), uuid4()
    assert batching.batch_id([first, second]) == batching.batch_id([UUID(str(first)), second])
    assert len({batching.batch_id(each) for each in ([first], [second], [first, second], [second, first])}) == 4
    assert "." not in batching.batch_id([first])


@pytest.mark.parametrize(
    ("size", "tries", "sizes"),
    [
        (100, 10, [100, 25, 6, 1, 1, 1, 1, 1, 1, 1, 1]),
        (100, 3, [100, 25, 1, 1]),
        (100, 2, [100, 1, 1]),
        (100, 1, [100, 1, 1]),
        (2, 10, [2, 1, 1]),
    ],
)
def test_each_failure_makes_the_batch_smaller_and_the_last_try_is_made_alone(
    size: int, tries: int, sizes: list[int]
) -> None:
    assert [largest_batch(size, attempts=each, tries=tries) for each in range(len(sizes))] == sizes


def test_a_207_names_those_that_failed_and_what_else_it_names_is_counted_and_harmless() -> None:
    said = {
        "failed": [
            {"id": "evt_2", "reason": "no\u202esuch\x00\norder " + "x" * 999},
            {"id": "evt_2", "reason": "twice"},
            {"id": "evt_of_somebody_else"},
            {"id": 7},
            {"id": ["evt_1"]},
            "evt_1",
            None,
        ],
        "more": [[]],
    }
    partly = read_partly(answered(json.dumps(said).encode()), OURS)
    assert partly.failed.keys() == {"evt_2"}
    assert partly.failed["evt_2"].startswith("no such order x")
    assert len(partly.failed["evt_2"]) == 300
    assert partly.odd == "5 of the entries of failed name no event of this request"
    assert read_partly(answered(b'{"failed": []}'), OURS) == batching.PartlyTaken(failed={})
    inflated = read_partly(
        answered(gzip.compress(b'{"failed":[{"id":"evt_1"}]}'), headers=(("content-encoding", "gzip"),)), OURS
    )
    assert inflated.failed == {"evt_1": ""}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"ok",
        b"[]",
        b"null",
        b'{"failed": {"id": "evt_1"}}',
        b'{"failed": null}',
        b'{"failed"',
        b"[" * 9999,
        b"\xff",
    ],
)
def test_a_207_that_does_not_say_which_is_an_error(said: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        read_partly(answered(said), OURS)


def test_what_was_cut_or_cannot_be_decoded_is_not_guessed_at() -> None:
    whole = b'{"failed": []}'
    for answer in (answered(whole, truncated=True), answered(whole, headers=(("content-encoding", "br"),))):
        with pytest.raises(ValueError, match=r"16 KB|br is not read"):
            read_partly(answer, OURS)


def test_only_a_refusal_of_the_content_may_be_one_events_doing() -> None:
    refused = {status for status in range(200, 600) if batching.is_refused_as_whole(Answer(status=status))}
    assert refused == {400, 409, 413, 422}
    assert not batching.is_refused_as_whole(Answer(status=422, headers=(("retry-after", "60"),)))


def test_the_log_keeps_the_place_before_the_headers() -> None:
    line = batching.place_line(3, 100)
    assert read_place(f"{line}content-type: application/json") == batching.Place(place=3, size=100)
    assert read_place(f":method: PUT\n{line}x: y") == batching.Place(place=3, size=100)
    assert read_place("a: b\nc: d\n:batch: 1 2") is None
    assert read_place("") is None


@pytest.mark.parametrize(
    "shaping",
    [
        Shaping(batch_size=2, payload_mode=PayloadMode.BINARY),
        Shaping(batch_size=2, body_format=BodyFormat.FORM),
        Shaping(batch_size=2, body_format=BodyFormat.FORM_PAYLOAD),
    ],
)
def test_what_cannot_be_written_as_a_batch_is_refused(shaping: Shaping) -> None:
    with pytest.raises(InvalidInput):
        check_together(shaping, ())


@pytest.mark.parametrize("kind", ["ordered", "polled", "traced"])
def test_who_takes_one_event_at_a_time_has_no_batches(kind: str) -> None:
    kinds = {"ordered": False, "polled": False, "traced": False} | {kind: True}
    batching.check_batches(1, **kinds)
    with pytest.raises(InvalidInput):
        batching.check_batches(2, **kinds)
    assert BODY_LIMIT_BYTES < 1024 * 1024


@pytest.mark.parametrize("mode", [PayloadMode.FULL, PayloadMode.DATA, PayloadMode.STRUCTURED])
def test_a_batch_of_one_tells_its_version_as_the_event_alone_would(mode: PayloadMode) -> None:
    event_id = encode_id(EVENT, uuid4())
    whole = full_body("a.b", "2026-01-01T00:00:00.000Z", b"{}")
    event = routed(EventText(id=event_id, type="a.b", whole=whole, source="https://h.example"), Route("v1"))
    shaping = Shaping(payload_mode=mode, batch_size=10)
    shaped, message_id = batching.sent_alone(event, shape(event, shaping), shaping)
    assert shaped.headers["webhook-version"] == "v1"
    assert message_id != event_id
    plain = Shaping(payload_mode=mode)
    assert batching.sent_alone(event, shape(event, plain), plain) == (shape(event, plain), event_id)
