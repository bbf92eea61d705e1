"""Transformations: what is read, what is made, and what is refused. In this process, so nothing here grows."""

from __future__ import annotations

import orjson
import pytest

from deliveries.errors import CannotShape, InvalidInput
from deliveries.protocol.events.transformation import LENGTH_LIMIT, PRESETS, check_transformation, transform
from deliveries.protocol.sending.payload import EventText, PayloadMode, Shaping, check_together, shape, transformed
from deliveries.protocol.sending.request import full_body, kept_body, read_headers, with_body

EVENT = b'{"id":"evt_1","type":"invoice.paid","timestamp":"t","data":{"n":7,"who":"Al","lines":[{"p":1},{"p":2}]}}'


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("data", {"n": 7, "who": "Al", "lines": [{"p": 1}, {"p": 2}]}),
        ("{text: join(' ', [type, to_string(data.n)]), who: data.who}", {"text": "invoice.paid 7", "who": "Al"}),
        ("data.lines[?p > `1`].p", [2]),
        ("truncate(data.who, `2`)", "Al"),
        ("truncate(type, `4`)", "inv…"),
        ("`false`", False),
    ],
)
def test_an_expression_makes_json_of_an_event(text: str, made: object) -> None:
    assert orjson.loads(transform(check_transformation(text), EVENT)) == made


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("data.missing", "transformation_failed"),
        ("sort_by(data.lines, &q)", "transformation_failed"),
        ("join('', [data.n])", "transformation_failed"),
        ("unknown(@)", "transformation_failed"),
        ("|".join(["@"] + ["[@,@]"] * 60), "transformation_too_large"),  # 2^60 parts, if it were written
        ("truncate(type, `-1e999`)", "transformation_failed"),
    ],
)
def test_what_cannot_be_made_is_named(text: str, error: str) -> None:
    with pytest.raises(CannotShape) as refused:
        transform(text, EVENT)
    assert refused.value.error == error
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    "text", ["data.", "{", "(" * 1900 + "a" + ")" * 1900, "!" * 3900 + "a", "a" * (LENGTH_LIMIT + 1), "`" + "[" * 1990]
)
def test_what_cannot_be_read_is_refused_when_it_is_given(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_transformation(text)
    assert refused.value.field == "transformation"
    assert check_transformation(" \n") == ""


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_makes_a_message_of_any_event_within_what_its_receiver_takes(name: str) -> None:
    text = check_transformation(PRESETS[name].text)
    event = orjson.dumps({"id": "evt_1", "type": "a.b", "timestamp": "t", "data": {"x": "<@here>" * 5000}})
    made = transform(text, event)
    assert len(made) < 6000
    assert b"a.b" in made


def test_a_cloud_event_has_what_was_made_as_its_data() -> None:
    event = EventText(id="evt_1", type="a.b", whole=full_body("a.b", "t", b'{"n":7}'), source="https://h.example")
    assert event.whole_with_id == b'{"id":"evt_1","type":"a.b","timestamp":"t","data":{"n":7}}'
    made = transformed(event, b"[7]")
    assert orjson.loads(shape(made, Shaping(payload_mode=PayloadMode.STRUCTURED)).body)["data"] == [7]
    for mode in (PayloadMode.FULL, PayloadMode.DATA, PayloadMode.BINARY):
        assert shape(made, Shaping(payload_mode=mode)).body == b"[7]"
    with pytest.raises(InvalidInput):
        check_together(Shaping(payload_mode=PayloadMode.THIN, transformation="data"), [])


def test_a_body_is_kept_behind_its_headers_unless_it_is_large() -> None:
    lines = with_body(":method: PUT\nx-a: 1", b'{"a": "b"}')
    assert (read_headers(lines), kept_body(lines)) == ({"x-a": "1"}, b'{"a": "b"}')
    assert kept_body("x-a: 1") is None
    assert with_body("x-a: 1", b"x" * 20_000) == "x-a: 1"
