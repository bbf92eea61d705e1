"""The breaker: opens after five failures, rests longer each time, closes with the first sign of life."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.when.breaker import (
    CLOSED,
    Breaker,
    after_answered_failure,
    after_no_answer,
    after_success,
    is_half_open,
)


def after_failures(count: int) -> tuple[Breaker, list[float]]:
    """Fail so many times in a row; return the breaker and the rest after each failure."""
    breaker, rests, rng = CLOSED, [], random.Random(1)
    for _ in range(count):
        breaker, rest_seconds = after_no_answer(breaker, rng=rng)
        rests.append(rest_seconds)
    return breaker, rests


class Highest(random.Random):
    """Dice that always show the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_a_rest_and_a_pause_are_at_most_a_fifth_longer() -> None:
    assert after_no_answer(Breaker(4, 0), rng=Highest())[1] == 6.0
    assert after_answered_failure(CLOSED, pause=True, rng=Highest())[1] == 0.3


def test_a_failed_probe_opens_it_again_however_few_failures_were_counted() -> None:
    assert after_no_answer(Breaker(0, 1), rng=Highest()) == (Breaker(1, 2), 12.0)


def test_four_failures_leave_it_closed() -> None:
    breaker, rests = after_failures(4)
    assert (breaker, rests) == (Breaker(4, 0), [0, 0, 0, 0])
    assert not is_half_open(breaker)


def test_the_fifth_failure_opens_it() -> None:
    breaker, rests = after_failures(5)
    assert breaker == Breaker(5, 1)
    assert 4 <= rests[-1] <= 6
    assert is_half_open(breaker)


def test_each_failed_probe_doubles_the_rest_up_to_five_minutes() -> None:
    _, rests = after_failures(14)
    expected = [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert all(0.8 * base <= rest <= 1.2 * base for base, rest in zip(expected, rests[4:], strict=True))


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker, _ = after_failures(4)
    breaker, rest_seconds = after_no_answer(after_success(breaker), rng=random.Random(1))
    assert (breaker, rest_seconds) == (Breaker(1, 0), 0)


def test_an_answered_probe_closes_it() -> None:
    breaker, _ = after_failures(9)
    assert after_success(breaker) == CLOSED
    assert not is_half_open(after_success(breaker))


def test_failures_that_are_answered_never_open_it_and_pause_longer_the_longer_nothing_else_comes() -> None:
    breaker, pauses, rng = CLOSED, [], random.Random(1)
    for _ in range(400):
        breaker, seconds = after_answered_failure(breaker, pause=True, rng=rng)
        pauses.append(seconds)
    assert not is_half_open(breaker)
    assert 0.2 <= pauses[0] <= 0.3
    assert 0.4 <= pauses[25] <= 0.6
    assert 24 <= pauses[-1] <= 36


def test_single_failures_that_are_answered_pause_nothing_before_the_fifth() -> None:
    breaker, pauses = CLOSED, []
    for _ in range(5):
        breaker, seconds = after_answered_failure(breaker, pause=False, rng=random.Random(1))
        pauses.append(seconds > 0)
    assert pauses == [False, False, False, False, True]


def test_any_answer_ends_an_open_breaker() -> None:
    assert after_answered_failure(Breaker(9, 4), pause=False, rng=random.Random(1))[0] == Breaker(10, 0)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_no_count_makes_a_rest_too_long(failures: int, opened: int, rng: random.Random) -> None:
    breaker, rest_seconds = after_no_answer(Breaker(failures, opened), rng=rng)
    assert 0 <= rest_seconds <= 360
    assert breaker.failures == failures + 1
