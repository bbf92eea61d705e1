"""The counters of the house: none gets worse.

What lives here: the figure that each counter is held to. Who betters one lowers its figure here.
"""

from __future__ import annotations

from functools import cache

from tests.counters import Counters, measure

LINES_WITH_ANY = 105


@cache
def counted() -> Counters:
    """Count when a test asks: every process of a run imports this file."""
    return measure()


def test_files_stay_small_rooms() -> None:
    assert counted().file_lines_median <= 91
    assert counted().file_lines_max <= 297


def test_functions_stay_short() -> None:
    assert counted().function_lines_median <= 5
    assert counted().function_lines_p90 <= 13
    assert counted().function_lines_max <= 33
    assert counted().functions_over_60_lines == 0


def test_all_but_one_function_in_a_thousand_are_annotated() -> None:
    assert counted().annotated_percent >= 99.9


def test_any_stands_in_no_more_lines_than_before() -> None:
    """Given Any, then it says no more than that a library has no types; what is ours is a type of its own."""
    assert counted().lines_with_any <= LINES_WITH_ANY


def test_there_are_as_many_lines_of_tests_as_of_code() -> None:
    assert counted().test_lines_for_each_line >= 0.98
