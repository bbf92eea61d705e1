"""What a worker asks for by how long its beats take, and what it may count on by then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deliveries.engine.limits import LIMITS
from deliveries.engine.silence import Silence


class Beats:
    """The beats of a worker that does nothing else."""

    def __init__(self) -> None:
        self.silence, self.now = Silence(), 0.0

    def take(self, *seconds: float) -> float:
        """Beats that take so long, one after the other; returns what the last one told."""
        return [self._take_one(each) for each in seconds][-1]

    def _take_one(self, seconds: float) -> float:
        with self.silence.beating(lambda: self.now) as told:
            self.now += seconds
        return told


def test_quick_beats_ask_for_no_more_than_usual() -> None:
    beats = Beats()
    assert beats.take(0.01, 0.6, 0.6, 0.6) == beats.silence.seconds == LIMITS.silent


@pytest.mark.parametrize(
    ("took", "asked"), [(0.7, 8.0), (1.3, 8.0), (1.4, 16.0), (2.6, 16.0), (5.0, 32.0), (60.0, 64.0)]
)
def test_two_slow_beats_in_a_row_ask_for_so_long_that_six_would_fit(took: float, asked: float) -> None:
    assert Beats().take(took, took, 0.0) == asked
    assert asked >= min(LIMITS.silent_beats * took, LIMITS.silent_at_most)


def test_one_late_answer_is_no_slow_database() -> None:
    assert Beats().take(0.01, 30.0, 0.01, 30.0, 0.01, 0.01) == LIMITS.silent


def test_what_was_asked_for_counts_from_the_answer_on_and_is_less_at_once() -> None:
    beats = Beats()
    beats.take(2.0, 2.0)
    with beats.silence.beating(lambda: beats.now) as told:
        assert (told, beats.silence.seconds) == (16.0, LIMITS.silent)
    assert beats.silence.seconds == 16.0
    beats.take(*[0.01] * LIMITS.calm_beats)
    with beats.silence.beating(lambda: beats.now) as told:
        assert told == beats.silence.seconds == 8.0


def test_what_was_not_answered_is_not_counted_on() -> None:
    beats = Beats()
    beats.take(2.0, 2.0)
    with pytest.raises(ZeroDivisionError), beats.silence.beating(lambda: beats.now):
        raise ZeroDivisionError
    assert beats.silence.seconds == LIMITS.silent
    assert beats.take(2.0) == beats.silence.seconds == 16.0


def test_less_is_asked_for_step_by_step_and_only_after_many_quick_beats_in_a_row() -> None:
    beats, calm = Beats(), [0.01] * (LIMITS.calm_beats - 1)
    beats.take(2.0, 2.0)
    assert beats.take(*calm, 2.0, 2.0, *calm) == 16.0
    assert beats.take(0.01, 0.01) == 8.0
    assert beats.take(*calm, 0.01) == LIMITS.silent
    assert beats.take(*calm, *calm) == LIMITS.silent


def test_beats_at_once_tell_the_same() -> None:
    """Given two of which nobody knows which is heard last, then what both tell holds in any order."""
    beats = Beats()
    with beats.silence.beating(lambda: beats.now) as first:
        beats.take(2.0, 2.0)
        with beats.silence.beating(lambda: beats.now) as second:
            assert second == first == LIMITS.silent
    assert beats.take(2.0) == 16.0


def test_a_worker_is_sure_for_a_moment_less_and_leases_for_as_many_times_longer() -> None:
    beats = Beats()
    assert (beats.silence.sure_seconds, beats.silence.factor) == (LIMITS.sure, 1.0)
    beats.take(2.0, 2.0, 2.0)
    assert (beats.silence.sure_seconds, beats.silence.factor) == (16.0 - (LIMITS.silent - LIMITS.sure), 4.0)


def test_who_was_away_for_a_gap_is_back_before_it_is_lost_however_long_its_beats_take() -> None:
    with pytest.raises(AssertionError, match="back before it is lost"):
        replace(LIMITS, silent_beats=5.0).check()
