"""Filters: what passes is a predicate that costs no more than reading the payload."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidFilter
from deliveries.protocol.events.filters import check_filter

# PostgreSQL's verdict on the same list is in test_postgresql_agrees.py.
ACCEPTED = [
    "$.data.amount > 100",
    '$.data.amount > 100 && $.data.currency == "EUR"',
    '$.type == "invoice.paid" || $.data.test == false',
    "100 <= $.data.amount",
    "$.data.amount <> -1.5e3",
    "$.data.parent == null",
    '$.data."first-name" != "Zoë \\"Z\\" \\u00e9"',
    '$.data.iban starts with "DE"',
    '$.data.iban starts with "DE" && !($.data.iban starts with "DE00")',
    "exists($.data.refund)",
    "!exists($.data.refund)",
    "!($.data.amount > 100 || $.data.vip == true)",
    "($.data.amount > 100) is unknown",
    "(($.data.a == 1) && ($.data.b == 2)) || $.data.c == 3",
    "$.data.items[*].price > 100",
    "$.data.items[0].price > 100",
    "$.data.items[last].price > 100",
    "$.data.items[1 to last].price > 100",
    "$.data.* == 1",
    "$.data.items.size() > 3",
    '$.data.amount.type() == "number"',
    "$.data.amount.double().floor() > 3",
    "exists($.data.items[*] ? (@.price > 100 && exists(@.sku)))",
    '$.data.items[*] ? (@.price > 100).sku == "A1"',
    "strict $.data.amount > 100",
    "lax $.data.amount > 100",
    "$.data.exists == 1 && $.data.is == 2 && $.data.last == 3 && $.data.true == 4",
    "  $.data.amount\n>\t100  ",
    "$ == 1",
]

REFUSED = [
    ("", "at the end"),
    ("$.data.amount", "compares"),
    ("$.data ? (@.amount > 1)", "compares"),
    ('$.data.name like_regex "^(a+)+$"', "like_regex"),
    ('$.data.at.datetime() > "2026-01-01"', "datetime"),
    ("$.data.items.keyvalue() == 1", "keyvalue"),
    ("$.data.amount > $limit", "constant|variable"),
    ("$limit > 1", "variable"),
    ('$"limit" > 1', "variable"),
    ("$.** == 1", "recursive"),
    ("$.data.**{2}.a == 1", "cannot be read"),
    ("$.data.**.a == 1", "recursive"),
    ("$.data.a == $.data.b", "another path"),
    ("1 == 1", "path"),
    ("$.data.items[*, *] == 1", "missing"),
    ("$.data.items[-1] == 1", "brackets"),
    ("$.data.items[1.5] == 1", "brackets"),
    ("$.data.items[99999999999] == 1", "brackets"),
    ("exists($.a[*] ? (exists($.b[*] ? (@ > 1))))", "inside"),
    ("@.a == 1", "outside"),
    ("$.data.a + 1 > 2", "cannot be read"),
    ("$.data.a * 2 > 2", "compares"),
    ("$.data.amount = 1", "written =="),
    ("$.data.first-name == 1", "cannot be read"),
    ("$.data.a == 'x'", "cannot be read"),
    ('$.data.a == "x', "cannot be read"),
    ('$.data.a == "\\u0000"', "u0000"),
    ('$.data.a == "\\ud800"', "surrogate"),
    ('$.data.a == "\\x41"', "cannot be read"),
    ("$.data.a == 01", "cannot be read"),
    ("$.data.a == 1e400", "cannot be read"),
    ("$.data.a == " + "9" * 40, "30"),
    ("$.data.a == True", "constant|missing"),
    ("$.data.a == 1 and $.data.b == 2", "&&"),
    ("$.data.a == 1 $.data.b == 2", "&&"),
    ("$.data.a == 1 &&", "at the end"),
    ("!$.data.a == 1", "parentheses"),
    ("($.data.a == 1", "missing"),
    ("$.data.a == 1)", "&&"),
    ("$.data.a == 1; drop table event", "cannot be read"),
    ("$.data.a == 1 /* x */", "cannot be read"),
    ("$.data..a == 1", "name"),
    ("$.data.a starts with $.data.b", "text"),
    ("$.data.a == 1 == 2", "&&"),
    ("$.a" + "[*]" * 70 + " == 1", "200"),
    ("(" * 11 + "$.a == 1" + ")" * 11, "10"),
    ("$.a == 1 && " * 100 + "$.a == 1", "1000"),
    ("\u0661 == $.a", "cannot be read"),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_predicate_over_the_payload_passes_as_it_is(text: str) -> None:
    assert check_filter(text) == text


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_is_no_cheap_predicate_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidFilter, match=said) as caught:
        check_filter(text)
    assert caught.value.field == "filter"


PIECES = ["$", "@", ".", "data", "[", "*", "]", "(", ")", "?", "!", "==", "&&", '"x"', "1", "exists", "is", " ", "\\"]


@given(st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_reading_a_filter_raises_nothing_but_invalid_filter(text: str) -> None:
    try:
        found = check_filter(text)
    except InvalidFilter:
        return
    assert found == text


def test_the_deepest_nesting_of_every_kind_is_refused_not_crashed_on() -> None:
    for opening in ("(", "!(", "exists($ ? (", "!exists($ ? ("):
        with pytest.raises(InvalidFilter):
            check_filter((opening * 1000)[:1000])
