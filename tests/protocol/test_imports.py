"""Documents of other systems with any value at any place: items come of it, or a refusal, and never a fault of ours."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from deliveries.errors import InvalidInput
from deliveries.protocol.imports import read_items
from deliveries.protocol.imports.item import ImportItem
from deliveries.protocol.imports.item_types import misfit
from tests.receivers.moving import convoy_document, hook0_document, outpost_document, svix_document

URL = "https://93.184.216.34/in"
MANY_DIGITS = "9" * 5000  # more than int() takes
ODD_VALUES: list[Any] = [
    *(None, True, 0, -(2**63), 1.5, "", "x", "٣", "²", [], {}),
    *(MANY_DIGITS, f"{MANY_DIGITS}s", "9" * 4299 + "h"),
    *([None], [5], ["x"], [[]], [{}], {"x": None}, {"data": 5}, {"data": [5]}, {MANY_DIGITS: {}}),
]
OURS = {
    "event_types": [{"name": "invoice.paid", "schema": {}}],
    "customers": [
        {
            "uid": "acme",
            "name": "Acme",
            "event_types": [{"name": "own.type"}],
            "endpoints": [{"uid": "main", "url": URL, "secrets": [{"secret": "s", "expires_at": ""}], "auth": {}}],
        }
    ],
}
DOCUMENTS = {
    "hookpost": OURS,
    "svix": svix_document(URL),
    "convoy": convoy_document(URL, rate_limit_duration="1m", http_timeout="30s"),
    "outpost": outpost_document(URL),
    "hook0": hook0_document(URL),
}
HEADERS_TWICE = '{"x-a": "1", "x-a": "2"}'
TABLE = f"customer;uid;url;headers\nacme;main;{URL};{HEADERS_TWICE}\n"
DESTINATION = {"url": URL, "custom_headers": HEADERS_TWICE}


def places(value: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """All places in a document."""
    yield above
    if isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, *above, name)


def replaced(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """The document with another value at this place."""
    if not place:
        return value
    changed = copy.copy(document)
    changed[place[0]] = replaced(document[place[0]], place[1:], value)
    return changed


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_any_value_at_any_place_is_read_or_refused(kind: str) -> None:
    tried = 0
    for place in places(DOCUMENTS[kind]):
        for value in ODD_VALUES:
            tried += 1
            try:
                items = read_items(replaced(DOCUMENTS[kind], place, value), format=kind)
            except InvalidInput:
                continue
            for item in items:
                assert ImportItem.from_json(item.to_json()) == item, (place, value)
                assert isinstance(misfit(item.kind, item.fields), str)
    assert tried > 200


def test_of_an_event_type_at_svix_the_newest_schema_is_the_one_with_the_highest_number() -> None:
    schemas = {"2": {"title": "two"}, "10": {"title": "ten"}, MANY_DIGITS: {"title": "none"}, "x": {}}
    document = {"eventTypes": [{"name": "invoice.paid", "schemas": schemas}]}
    (item,) = read_items(document, format="svix")
    assert item.fields["schema"] == {"title": "ten"}


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("csv", TABLE, "headers: must be names and values"),
        ("outpost", outpost_document(URL, config=DESTINATION), "config.custom_headers"),
    ],
)
def test_headers_of_which_one_would_be_lost_are_refused(kind: str, data: Any, said: str) -> None:
    item = read_items(data, format=kind)[-1]
    told = item.refused or misfit(item.kind, item.fields)
    assert told.startswith(said)
    assert "once" in told


def test_a_table_with_a_column_twice_is_refused_as_one_of_them_would_be_lost() -> None:
    with pytest.raises(InvalidInput, match="a column is there twice"):
        read_items(f"customer,uid,url,url\nacme,main,{URL},http://10.0.0.1/\n", format="csv")


def test_a_row_that_cannot_be_looked_for_hinders_no_other() -> None:
    text = f"customer,uid,url\nac\0me,main,{URL}\nacme,main,{URL}\n"
    assert [item.refused for item in read_items(text, format="csv")] == ["a cell holds a NUL character", ""]
