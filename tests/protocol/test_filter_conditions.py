"""A filter taken apart: which conditions it has, and what is said of each."""

from __future__ import annotations

import pytest

from deliveries.protocol.events.filter_conditions import Condition, conditions_of, says
from deliveries.protocol.events.filters import check_filter

ITEMS = "$.l[*] ? (@.p > 5 && @.q == 1)"
FILTERS: list[tuple[str, list[tuple[str, str, bool]]]] = [
    ("$.data.amount > 100", [("$.data.amount > 100", "$.data.amount", False)]),
    ("  strict 5 <= $.a ", [("5 <= $.a", "$.a", False)]),
    ('$.a == "x && y" && $.b <> 2', [('$.a == "x && y"', "$.a", False), ("$.b <> 2", "$.b", False)]),
    ("$.a==1||($.b==2&&!($.c==3))", [("$.a==1", "$.a", False), ("$.b==2", "$.b", False), ("$.c==3", "$.c", True)]),
    ("!(!($.a == 1) || $.b == 2)", [("$.a == 1", "$.a", False), ("$.b == 2", "$.b", True)]),
    ('$.a starts with "EU" && $.b == 1', [('$.a starts with "EU"', "$.a", False), ("$.b == 1", "$.b", False)]),
    ("exists($.l[*] ? (@.p > 5 && @.q == 1))", [(f"exists({ITEMS})", ITEMS, False)]),
    ("!exists($.a) && $.l.size() >= 2", [("exists($.a)", "$.a", True), ("$.l.size() >= 2", "$.l.size()", False)]),
    ("($.a == 1) is unknown || $.b == 2", [("($.a == 1) is unknown", "", False), ("$.b == 2", "$.b", False)]),
    ("$.exists == 1 && $.starts == 2", [("$.exists == 1", "$.exists", False), ("$.starts == 2", "$.starts", False)]),
    ('$.l[0 to 2]."a)b" ? (@ < 3) == 1', [('$.l[0 to 2]."a)b" ? (@ < 3) == 1', '$.l[0 to 2]."a)b" ? (@ < 3)', False)]),
]


@pytest.mark.parametrize(("text", "parts"), FILTERS)
def test_a_filter_falls_apart_into_what_it_joins(text: str, parts: list[tuple[str, str, bool]]) -> None:
    found = conditions_of(check_filter(text))
    assert [(each.text, each.path, each.is_negated) for each in found] == parts
    for each in found:
        assert check_filter(each.text)


@pytest.mark.parametrize(
    ("condition", "holds", "found", "count", "sentence"),
    [
        (Condition(text="", path="$.a"), False, [], 0, "The event has nothing at $.a."),
        (Condition(text="", path="$.a"), False, ["50"], 1, "The event has 50 there."),
        (Condition(text="", path="$.a"), True, ["1", "2"], 7, "The event has 1, 2 and 5 more there."),
        (
            Condition(text="", path="$.a", constant="100"),
            None,
            ['"50"'],
            1,
            'The event has "50" there, which cannot be compared with 100.',
        ),
        (Condition(text="", path="$.a", sign="exists"), None, ["[]"], 1, "The event has [] there."),
        (Condition(text="(…) is unknown"), False, [], 0, "It does not hold."),
    ],
)
def test_a_sentence_says_what_the_event_has_there(
    condition: Condition, holds: bool | None, found: list[str], count: int, sentence: str
) -> None:
    assert says(condition, holds=holds, found=found, count=count) == sentence
