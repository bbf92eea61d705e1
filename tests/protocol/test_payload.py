"""Payload modes and forms of bodies: what is made of a stored event, and what is refused."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from deliveries.errors import CannotShape, InvalidInput
from deliveries.models import Endpoint
from deliveries.protocol.sending.payload import (
    FORM_LIMIT_BYTES,
    PLAIN,
    BodyFormat,
    EventText,
    PayloadMode,
    Shaping,
    check_together,
    form_of,
    read_shaping,
    shape,
)
from deliveries.protocol.sending.request import full_body, thin_body

MOMENT = "2026-01-31T09:30:00.000Z"
SOURCE = "https://h.example"


def an_event(data: bytes, name: str = "invoice.paid") -> EventText:
    return EventText(id="evt_1", type=name, whole=full_body(name, MOMENT, data), source=SOURCE)


def test_modes_and_formats_are_the_same_for_the_database_and_for_the_code() -> None:
    assert set(Endpoint.PayloadMode.values) == set(PayloadMode)
    assert set(Endpoint.BodyFormat.values) == set(BodyFormat)


def test_a_plain_event_is_sent_as_it_is_stored() -> None:
    event = an_event(b'{"a": 1e2}')
    assert (shape(event, PLAIN).body, shape(event, PLAIN).headers) == (event.whole, {})


@pytest.mark.parametrize("data", [b'{"a":1}', b"1e400", b'{"timestamp":"no"}', b"[" * 3000 + b"]" * 3000])
@pytest.mark.parametrize("mode", list(PayloadMode))
def test_every_mode_takes_whatever_data_is_and_leaves_its_bytes_alone(mode: PayloadMode, data: bytes) -> None:
    event = an_event(data, 'inv"oice')
    body = shape(event, Shaping(payload_mode=mode)).body
    if mode == PayloadMode.THIN:
        assert body == thin_body('inv"oice', MOMENT, event_id="evt_1", url=f"{SOURCE}/api/v1/events/evt_1")
    else:
        assert data in body


def test_a_structured_cloud_event_has_its_attributes_around_the_data() -> None:
    shaped = shape(an_event(b'{"a": 1e2}'), Shaping(payload_mode=PayloadMode.STRUCTURED))
    assert json.loads(shaped.body) == {
        "specversion": "1.0",
        "id": "evt_1",
        "source": SOURCE,
        "type": "invoice.paid",
        "time": MOMENT,
        "datacontenttype": "application/json",
        "data": {"a": 100.0},
    }
    assert shaped.headers == {"content-type": "application/cloudevents+json; charset=utf-8"}


def test_a_binary_cloud_event_has_its_attributes_in_headers_that_hold_visible_ascii() -> None:
    shaped = shape(an_event(b"{}", 'pai"d 5%é'), Shaping(payload_mode=PayloadMode.BINARY))
    assert shaped.body == b"{}"
    assert shaped.headers == {
        "ce-specversion": "1.0",
        "ce-id": "evt_1",
        "ce-source": SOURCE,
        "ce-type": "pai%22d%205%25%C3%A9",
        "ce-time": MOMENT,
    }


def test_a_form_has_a_field_for_each_member_and_numbers_as_they_were_written() -> None:
    data = b'{"n":1.50,"big":123456789012345678901,"on":true,"off":false,"no":null,"t":"a&b=\\u00e9","l":[{"x":1},[]],'
    data += b'"o":{}}'
    shaped = shape(an_event(data), Shaping(body_format=BodyFormat.FORM))
    assert parse_qsl(shaped.body.decode(), keep_blank_values=True) == [
        ("type", "invoice.paid"),
        ("timestamp", MOMENT),
        ("data[n]", "1.50"),
        ("data[big]", "123456789012345678901"),
        ("data[on]", "true"),
        ("data[off]", "false"),
        ("data[no]", ""),
        ("data[t]", "a&b=é"),
        ("data[l][0][x]", "1"),
        ("data[l][1]", ""),
        ("data[o]", ""),
    ]
    assert shaped.headers == {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("text", ["", " +&=%;", "é\u2028\U0001f4b6", "".join(map(chr, range(0x20, 0x100)))])
def test_a_form_of_one_field_holds_the_json_byte_for_byte(text: str) -> None:
    event = an_event(json.dumps({text: text}, ensure_ascii=False).encode())
    shaped = shape(event, Shaping(body_format=BodyFormat.FORM_PAYLOAD))
    assert parse_qsl(shaped.body.decode()) == [("payload", event.whole.decode())]


LONG = "n" * 100_000


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (json.dumps({LONG: [1] * 50_000}), "payload_too_large"),  # 5 GB if it were written
        (json.dumps({"a": "é" * 180_000}), "payload_too_large"),
        ("[" * 100_000, "payload_failed"),
        ('{"a":' * 21 + "1" + "}" * 21, "payload_failed"),
        ("[1]", "payload_failed"),
    ],
)
def test_a_form_that_would_grow_or_nest_without_end_is_refused(body: str, error: str) -> None:
    with pytest.raises(CannotShape) as refused:
        form_of(body.encode())
    assert refused.value.error == error
    assert len(form_of(json.dumps({"a": "b" * (FORM_LIMIT_BYTES - 3)}).encode())) <= FORM_LIMIT_BYTES


@pytest.mark.parametrize(
    ("shaping", "names", "field"),
    [
        (Shaping(payload_mode=PayloadMode.BINARY, body_format=BodyFormat.FORM), [], "body_format"),
        (Shaping(payload_mode=PayloadMode.STRUCTURED, body_format=BodyFormat.FORM_PAYLOAD), [], "body_format"),
        (Shaping(payload_mode=PayloadMode.STRUCTURED), ["content-type"], "headers"),
        (Shaping(payload_mode=PayloadMode.BINARY), ["ce-id"], "headers"),
        (Shaping(body_format=BodyFormat.FORM), ["x-a", "content-type"], "headers"),
    ],
)
def test_settings_that_would_undo_each_other_are_refused(shaping: Shaping, names: list[str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_together(shaping, names)
    assert refused.value.field == field
    check_together(Shaping(payload_mode=PayloadMode.BINARY), ["content-type", "x-ce-id"])
    check_together(Shaping(payload_mode=PayloadMode.THIN, body_format=BodyFormat.FORM), ["x-a"])


def test_a_shaping_is_read_as_the_statements_write_it() -> None:
    text = '{"payload_mode" : "thin", "method" : "PUT", "body_format" : "form"}'
    assert read_shaping(text) == Shaping(payload_mode=PayloadMode.THIN, method="PUT", body_format=BodyFormat.FORM)
