"""The token bucket: never more than the rate, never stuck."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.rate import take, wait_seconds

RATES = st.floats(0.01, 10_000)


def test_a_full_bucket_gives_its_burst_and_no_more() -> None:
    assert take(10, elapsed_seconds=60, rate_per_second=5, burst=10, wanted=50) == (10, 0)


def test_time_refills_it() -> None:
    assert take(0, elapsed_seconds=2, rate_per_second=5, burst=100, wanted=50) == (10, 0)


def test_what_is_not_wanted_stays() -> None:
    assert take(10, elapsed_seconds=0, rate_per_second=5, burst=10, wanted=3) == (3, 7)


def test_a_clock_that_went_back_takes_nothing_away() -> None:
    assert take(3, elapsed_seconds=-100, rate_per_second=5, burst=10, wanted=1) == (1, 2)


def test_a_burst_below_one_still_lets_single_requests_through() -> None:
    assert take(0, elapsed_seconds=100, rate_per_second=0.1, burst=0.1, wanted=5) == (1, 0)


def test_a_rate_of_nothing_waits_for_ever() -> None:
    assert wait_seconds(0, 0) == math.inf
    assert wait_seconds(1, 0) == 0


@given(st.floats(0, 1), RATES)
def test_after_the_wait_a_token_is_there(tokens: float, rate: float) -> None:
    waited = wait_seconds(tokens, rate)
    granted, _ = take(tokens, elapsed_seconds=waited, rate_per_second=rate, burst=1, wanted=1)
    assert granted == 1


@given(RATES, st.integers(1, 100), st.lists(st.tuples(st.floats(0, 10), st.integers(0, 500)), max_size=30))
def test_no_pattern_of_asking_gets_more_than_burst_and_rate(
    rate: float, burst: int, asks: list[tuple[float, int]]
) -> None:
    tokens, granted_total, elapsed_total = float(burst), 0, 0.0
    for elapsed, wanted in asks:
        granted, tokens = take(tokens, elapsed_seconds=elapsed, rate_per_second=rate, burst=burst, wanted=wanted)
        assert 0 <= granted <= wanted
        granted_total, elapsed_total = granted_total + granted, elapsed_total + elapsed
    assert granted_total <= burst + rate * elapsed_total + 0.01
