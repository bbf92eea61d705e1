"""Two clocks compared: what a round trip proves of them, and what it does not."""

from __future__ import annotations

import pytest

from deliveries.protocol.writing.clock import Reading, compare, span_in_words


def test_the_offset_is_taken_from_the_middle_of_the_round_trip() -> None:
    reading = compare(1000.0, asked_at=1059.0, answered_at=1061.0)
    assert reading == Reading(60.0, 1.0)


@pytest.mark.parametrize(
    ("offset", "uncertainty", "off", "agrees"),
    [
        (0, 0, False, True),
        (29, 0, False, True),
        (31, 0, True, False),
        (-31, 0, True, False),
        (31, 5, False, False),
        (29, 5, False, False),
    ],
)
def test_a_slow_answer_proves_neither_that_clocks_differ_nor_that_they_agree(
    offset: float, uncertainty: float, off: bool, agrees: bool
) -> None:
    reading = Reading(offset, uncertainty)
    assert (reading.is_off(30), reading.agrees(30)) == (off, agrees)


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (400 * 86_400, "this host's clock is 400.0 days ahead of the database's"),
        (-40 * 86_400, "this host's clock is 40.0 days behind the database's"),
        (3600, "this host's clock is 60.0 minutes ahead of the database's"),
        (-45.2, "this host's clock is 45.2 seconds behind the database's"),
    ],
)
def test_people_are_told_which_clock_is_off_and_by_how_much(offset: float, words: str) -> None:
    assert Reading(offset, 0).in_words() == words


def test_a_unit_is_used_from_two_of_it_on() -> None:
    assert (span_in_words(119), span_in_words(120)) == ("119.0 seconds", "2.0 minutes")


def test_no_span_is_written_as_two_of_the_next_unit() -> None:
    """A clock two days behind is compared over a round trip, which makes it a little less."""
    assert span_in_words(2 * 86_400 - 3) == "2.0 days"
    assert span_in_words(2 * 3600 - 0.5) == "2.0 hours"
    assert span_in_words(119.97) == "2.0 minutes"
    assert span_in_words(2 * 86_400 - 360) == "47.9 hours"
