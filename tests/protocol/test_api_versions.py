"""Versions: what they may be called, the way between two of them, and what mappings make of an event."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import CannotShape, InvalidInput
from deliveries.protocol.events.api_versions import Mappings, MappingStep, Route, VersionTable, check_version_name
from deliveries.protocol.events.transformation import transform
from deliveries.protocol.sending.payload import BodyFormat, EventText, PayloadMode, Shaping, routed, shape, transformed
from deliveries.protocol.sending.request import full_body

TABLE = VersionTable(
    names=("v1", "v2", "v3", "v4"),
    changes={
        "invoice.paid": {1: Mappings("down 2", "up 2"), 3: Mappings("down 4", "")},
        "order.made": {2: Mappings("@", " @ ")},
    },
)
EVENT = b'{"id":"evt_1","type":"a.b","timestamp":"t","data":{"amount":{"value":7},"who":"Al"}}'


@pytest.mark.parametrize(
    ("name", "emitted", "wanted", "sent_as", "texts"),
    [
        ("invoice.paid", "v4", "v1", "v1", ["down 4", "down 2"]),
        ("invoice.paid", "v4", None, "v1", ["down 4", "down 2"]),
        ("invoice.paid", "v3", "v2", "v2", []),
        ("invoice.paid", None, "v3", "v3", ["up 2"]),
        ("invoice.paid", "v2", "v2", "v2", []),
        ("order.made", "v4", "v1", "v1", []),
        ("order.made", "v1", "v4", "v4", []),
        ("other.type", "v4", None, "v1", []),
    ],
)
def test_the_way_goes_over_each_neighbour_with_which_the_type_changes(
    name: str, emitted: str | None, wanted: str | None, sent_as: str, texts: Sequence[str]
) -> None:
    route = TABLE.route(name, emitted, wanted)
    assert route is not None
    assert (route.sent_as, [step.text for step in route.steps]) == (sent_as, texts)


@pytest.mark.parametrize(
    ("emitted", "wanted", "says"),
    [
        ("v1", "v4", "no mapping of invoice.paid is declared from v3 to v4"),
        ("v9", "v1", "there is no version v9"),
        ("v1", "v9", "there is no version v9"),
    ],
)
def test_a_way_that_is_not_there_is_told_and_never_guessed(emitted: str, wanted: str, says: str) -> None:
    with pytest.raises(CannotShape) as refused:
        TABLE.route("invoice.paid", emitted, wanted)
    assert (refused.value.error, refused.value.detail) == ("version_not_mapped", says)
    assert VersionTable().route("invoice.paid", emitted, wanted) is None


@pytest.mark.parametrize("name", ["", "-1", "a b", "a/b", "x" * 33, "é", "oldest", "newest", None, 7])
def test_a_version_that_could_not_stand_in_a_header_or_address_is_refused(name: object) -> None:
    with pytest.raises(InvalidInput):
        check_version_name(name)
    assert check_version_name("2026-11-01") == "2026-11-01"


def test_mappings_see_the_data_one_after_the_other_and_a_transformation_what_they_made() -> None:
    steps = [
        MappingStep("v3 to v2", "merge(omit(@, ['amount']), {total: amount.value})"),
        MappingStep("v2 to v1", "{sum: total}"),
    ]
    assert orjson.loads(transform("", EVENT, steps=steps[:1])) == {"who": "Al", "total": 7}
    assert orjson.loads(transform("", EVENT, steps=steps)) == {"sum": 7}
    assert orjson.loads(transform("[type, data.sum]", EVENT, steps=steps)) == ["a.b", 7]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("missing", "version_mapping_failed", "the mapping from v3 to v2 makes no object of the data of this event"),
        ("[@]", "version_mapping_failed", "the mapping from v3 to v2 makes no object of the data of this event"),
        ("omit(@, who)", "version_mapping_failed", "the mapping from v3 to v2: "),
        ("|".join(["{a: @, b: @}"] * 60), "transformation_too_large", "the mapping from v3 to v2 makes more than "),
    ],
)
def test_a_mapping_that_fails_is_named_with_its_versions(text: str, error: str, says: str) -> None:
    with pytest.raises(CannotShape) as refused:
        transform("", EVENT, steps=[MappingStep("v3 to v2", text)])
    assert refused.value.error == error
    assert refused.value.detail.startswith(says)


def test_data_that_cannot_be_read_is_the_mappings_failure_where_there_is_one() -> None:
    odd = b'{"type":"a.b","data":{"n":1e9999}}'
    for steps, error in (([MappingStep("v2 to v1", "@")], "version_mapping_failed"), ([], "transformation_failed")):
        with pytest.raises(CannotShape) as refused:
            transform("data", odd, steps=steps)
        assert refused.value.error == error


def test_data_as_large_as_an_event_may_be_is_mapped_without_another_limit() -> None:
    large = orjson.dumps({"type": "a.b", "data": {"text": "x" * 300_000}})
    assert len(transform("", large, steps=[MappingStep("v2 to v1", "@")])) > 300_000
    with pytest.raises(CannotShape):
        transform("data", large, steps=[MappingStep("v2 to v1", "@")])


def test_what_was_mapped_is_sent_in_every_form_with_the_version_it_is_in() -> None:
    event = EventText(id="evt_1", type="a.b", whole=full_body("a.b", "t", b'{"n":7}'), source="https://h.example")
    event = routed(event, Route("v1", [MappingStep("v2 to v1", "{m: n}")]))
    mapped = transformed(event, b'{"m":8}')
    whole = full_body("a.b", "t", b'{"m":8}')
    for mode, body in ((PayloadMode.FULL, whole), (PayloadMode.DATA, b'{"m":8}'), (PayloadMode.BINARY, b'{"m":8}')):
        shaped = shape(mapped, Shaping(payload_mode=mode))
        assert (shaped.body, shaped.headers["webhook-version"]) == (body, "v1")
    assert orjson.loads(shape(mapped, Shaping(payload_mode=PayloadMode.STRUCTURED)).body)["data"] == {"m": 8}
    thin = orjson.loads(shape(mapped, Shaping(payload_mode=PayloadMode.THIN)).body)
    assert thin["data"]["url"] == "https://h.example/api/v1/events/evt_1?api_version=v1"
    form = shape(mapped, Shaping(payload_mode=PayloadMode.DATA, body_format=BodyFormat.FORM))
    assert (form.body, form.headers["webhook-version"]) == (b"m=8", "v1")
    assert shape(mapped, Shaping(transformation="data")).body == b'{"m":8}'


@st.composite
def tables(draw: st.DrawFn) -> VersionTable:
    """Versions, with some of which a type changes: each adds its number at the end of a list, or takes it away."""
    names = [f"v{number}" for number in range(draw(st.integers(1, 6)))]
    changed = draw(st.sets(st.integers(1, len(names)), max_size=len(names))) & set(range(1, len(names)))
    mappings = {
        place: Mappings(down="{l: l[:-1]}", up=f"{{l: [l, [`{place}`]][]}}") if place % 3 else Mappings("@", "@")
        for place in changed
    }
    return VersionTable(names=names, changes={"a.b": mappings})


@given(tables(), st.integers(0, 5), st.integers(0, 5))
def test_there_and_back_again_is_where_one_was(table: VersionTable, one: int, other: int) -> None:
    """Given mappings that undo each other, then data is the same after a way and the way back."""
    first, second = (table.names[each % len(table.names)] for each in (one, other))
    there, back = table.route("a.b", first, second), table.route("a.b", second, first)
    assert there is not None
    assert back is not None
    assert (there.sent_as, back.sent_as) == (second, first)
    assert len(there.steps) == len(back.steps)
    before = {"l": [f"x{number}" for number in range(6)]}
    event = orjson.dumps({"type": "a.b", "data": before})
    middle = orjson.loads(transform("@", event, steps=there.steps))
    down_first = table.names.index(second) < table.names.index(first)
    returned = orjson.loads(transform("data", orjson.dumps(middle), steps=back.steps))
    kept = len(before["l"]) - len(there.steps) if down_first else len(before["l"])
    assert returned["l"][:kept] == before["l"][:kept]
    assert len(returned["l"]) == len(before["l"])


@pytest.mark.parametrize(
    ("name", "emitted", "others"),
    [
        ("invoice.paid", "v1", ["v2", "v3"]),  # nothing leads up to v4
        ("invoice.paid", None, ["v2", "v3"]),
        ("invoice.paid", "v2", ["v1", ""]),
        ("invoice.paid", "v3", ["v1", ""]),
        ("invoice.paid", "v4", ["v1", "v2", "v3", ""]),
        ("order.made", "v4", []),
        ("other.type", "v4", []),
        ("invoice.paid", "v9", []),
    ],
)
def test_data_looks_otherwise_where_a_mapping_lies_between(name: str, emitted: str | None, others: list[str]) -> None:
    """The oldest version comes under the empty name too, for who is pinned to none is pinned to it."""
    assert list(TABLE.other_shapes(name, emitted)) == others
