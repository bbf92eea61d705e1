"""The token bucket: never more than the rate, never stuck."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.when.rate import NO_WINDOW, Bucket, burst_of, take, wait_seconds, window_after

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


def test_a_wait_is_what_is_missing_at_the_rate() -> None:
    assert wait_seconds(0, 0.5) == 2.0
    assert wait_seconds(0.5, 1) == 0.5


def test_at_high_rates_a_twentieth_of_a_second_goes_together_and_else_one_by_one() -> None:
    assert [burst_of(rate) for rate in (0.1, 10, 20, 100)] == [1.0, 1.0, 1.0, 5.0]


def test_a_bucket_counts_from_the_moment_of_its_last_request() -> None:
    bucket = Bucket(0, at=10)
    assert bucket.wait_seconds(10, 100) == pytest.approx(0.01)
    bucket.pay(10.02, 100)
    assert (bucket.tokens, bucket.at) == (pytest.approx(1), 10.02)
    bucket.pay(10.02, 100)
    assert bucket.wait_seconds(10.02, 100) == pytest.approx(0.01)


@pytest.mark.parametrize(("window", "then"), [(NO_WINDOW, NO_WINDOW), (1, 2), (2, 3), (3, NO_WINDOW), (9, NO_WINDOW)])
def test_a_window_grows_by_one_with_each_good_answer_until_it_is_as_wide_as_the_endpoint_allows(
    window: int, then: int
) -> None:
    assert window_after(window, max_in_flight=4, told_to_slow_down=False) == then


@pytest.mark.parametrize("window", [NO_WINDOW, 1, 3])
def test_a_429_leaves_a_window_of_one(window: int) -> None:
    assert window_after(window, max_in_flight=4, told_to_slow_down=True) == 1


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
