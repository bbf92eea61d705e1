"""Event types: names, families, and where a name is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidEventType
from deliveries.protocol.events.event_types import check_name, check_pattern, matching_keys

SEGMENT = st.text("abcXYZ019_-", min_size=1, max_size=8)
NAMES = st.lists(SEGMENT, min_size=1, max_size=5).map(".".join)


@pytest.mark.parametrize("name", ["invoice.paid", "ping", "a.b.c.d", "Order-Line.is_new", "x" * 128])
def test_a_dotted_name_is_accepted_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "a..b", "a b", "a\n", "a.*", "*", "naïve", "a/b", "a:b", "a\0", "x" * 129, "\u0661"]
)
def test_what_is_not_a_dotted_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidEventType):
        check_name(name)


@pytest.mark.parametrize("pattern", ["invoice.paid", "invoice.*", "a.b.*"])
def test_a_pattern_is_a_name_or_a_family(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["", ".*", "*.paid", "in*", "a.*.b", "a.*.*", "a.**", "a*", "x" * 127 + ".*"])
def test_a_star_anywhere_else_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidEventType):
        check_pattern(pattern)


def test_a_lone_star_is_refused_with_the_way_to_receive_all() -> None:
    with pytest.raises(InvalidEventType, match="empty"):
        check_pattern("*")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("ping", ["ping"]),
        ("invoice.paid", ["invoice.paid", "invoice.*"]),
        ("invoice.paid.eu", ["invoice.paid.eu", "invoice.paid.*", "invoice.*"]),
    ],
)
def test_a_name_is_found_under_itself_and_all_its_families(name: str, keys: list[str]) -> None:
    assert matching_keys(name) == keys


@given(NAMES)
def test_every_key_of_a_name_is_a_pattern_an_endpoint_may_choose(name: str) -> None:
    assert [check_pattern(key) for key in matching_keys(name)] == matching_keys(name)


@given(NAMES, NAMES)
def test_a_family_holds_exactly_the_names_below_it(name: str, stem: str) -> None:
    assert (f"{stem}.*" in matching_keys(name)) == name.startswith(f"{stem}.")
