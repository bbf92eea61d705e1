"""Backoff: the schedule, its jitter, and what a `Retry-After` may say."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidInput
from deliveries.protocol.when.backoff import DEFAULT_SCHEDULE, check_schedule, delay_seconds, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SCHEDULES = st.lists(st.integers(0, 604_800), min_size=1, max_size=30)


def test_the_default_schedule_goes_on_for_three_days() -> None:
    assert check_schedule(list(DEFAULT_SCHEDULE)) == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert timedelta(days=3) < timedelta(seconds=sum(DEFAULT_SCHEDULE)) < timedelta(days=4)


@given(SCHEDULES)
def test_a_list_of_delays_within_bounds_is_a_schedule(schedule: list[int]) -> None:
    assert check_schedule(schedule) == schedule


@pytest.mark.parametrize(
    "schedule",
    [[], [0] * 31, [-1], [604_801], [0.5], ["5"], [True], [None], "0", 5, None, {"0": 5}, [[0]], [10**400]],
)
def test_anything_else_is_no_schedule(schedule: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_schedule(schedule)
    assert caught.value.field == "retry_schedule"


@given(SCHEDULES, st.integers(0, 40), st.randoms(use_true_random=False))
def test_a_delay_stays_within_a_fifth_of_its_schedule(schedule: list[int], done: int, rng: random.Random) -> None:
    delay = delay_seconds(schedule, done, rng=rng)
    if done >= len(schedule):
        assert delay is None
    else:
        assert delay is not None
        assert schedule[done] * 0.799 <= delay <= schedule[done] * 1.201


def test_a_schedule_may_have_thirty_delays() -> None:
    assert len(check_schedule([0] * 30)) == 30


@pytest.mark.parametrize("value", ["120, soon", "soon, 120", "soon"])
def test_a_wait_that_cannot_be_read_makes_the_others_worth_nothing(value: str) -> None:
    assert parse_retry_after(value, now=NOW) is None


@pytest.mark.parametrize(("year", "seconds"), [(76, 86_400), (77, 0)])
def test_a_year_of_two_digits_is_at_most_fifty_years_ahead(year: int, seconds: float) -> None:
    assert parse_retry_after(f"Sunday, 06-Nov-{year} 08:49:37 GMT", now=NOW) == seconds


def test_after_the_first_attempt_comes_the_second_delay() -> None:
    delay = delay_seconds([0, 100, 1000], 1, rng=random.Random(1))
    assert delay is not None
    assert 80 <= delay <= 120


def test_a_schedule_of_one_attempt_has_no_retry() -> None:
    assert delay_seconds([0], 1, rng=random.Random(1)) is None


def test_delays_differ_from_one_delivery_to_the_next() -> None:
    rng = random.Random(1)
    assert len({delay_seconds(DEFAULT_SCHEDULE, 3, rng=rng) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120\t", 120),
        ("0000000000000007", 7),
        ("86401", 86_400),
        ("9" * 5000, 86_400),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sunday, 01-Mar-26 12:01:00 GMT", 60),
        ("Sun Mar  1 12:01:00 2026", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0),
        ("Friday, 01-Jan-99 00:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 12:00:60 GMT", 59),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("2.0", 2),
        ("0.5", 1),
        ("59.000001", 60),
        ("1" * 5000 + "." + "1" * 5000, 86_400),
        ("120, 240", 240),
        ("240,120", 240),
        ("2026-03-01T12:01:00Z", 60),
        ("2026-03-01T14:01:00.000+02:00", 60),
        ("Sun, 01 Mar 2026 12:01:00 +0000", 60),
        ("Sun, 01 Mar 2026 12:01:00 UTC", 60),
        ("Sun, 01 Mar 2026 14:01:00 +0200", 60),
        ("Sun, 01 Mar 2026 07:01:00 -05:00", 60),
        ("sun, 01 mar 2026 12:01:00 gmt", 60),
        ("Sun, 1 Mar 2026 12:01:00 GMT", 60),
        ("1 Mar 2026 12:01:00 GMT", 60),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
    ],
)
def test_a_number_or_a_date_is_honoured_up_to_a_day(value: str, seconds: float) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "120, Sun, 01 Mar 2026 12:10:00 GMT",
        "Sun, 01 Mar 2026 12:10:00 GMT, 120",
        "Sun, 01 Mar 2026 12:10:00 GMT,Sunday, 01-Mar-26 12:02:00 GMT",
        "2026-03-01T12:10:00Z, 1, Sun Mar  1 12:00:00 2026",
    ],
)
def test_of_numbers_and_dates_that_a_proxy_joined_the_longest_wait_counts(value: str) -> None:
    assert parse_retry_after(value, now=NOW) == 600


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "-1",
        "+5",
        "5s",
        "1e3",
        "1_000",
        "٣",
        "²",
        "soon",
        "0x10",
        "NaN",
        ".5",
        "5.",
        "5,",
        "120, soon",
        "2026-03-01",
        "2026-03-01T12:01:00",
        "Sun, 01 Mar 2026 12:01:00 +2400",
        "Sun, 01 Mar 2026 12:01:00 CET",
        "Sun, 01 Mar 2026 12:01:00",
        "inf",
        "Sun, 30 Feb 2026 12:01:00 GMT",
        "Sun, 00 Mar 2026 12:01:00 GMT",
        "Sun, 01 Mar 0000 12:01:00 GMT",
        "Sun, 01 Mar 2026 25:01:00 GMT",
        "Sun, 01 Mar 2026 12:01:61 GMT",
        "Sun Mar    12:01:00 2026",
    ],
)
def test_anything_else_is_as_if_it_were_not_there(value: str | None) -> None:
    assert parse_retry_after(value, now=NOW) is None


@given(st.text() | st.text("0123456789 -:,GMTSunMar") | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_retry_after_can_raise_or_leave_the_bounds(value: str) -> None:
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@given(st.integers(0, 220_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_every_http_date_is_read_as_the_standard_library_writes_it(moment: datetime) -> None:
    seconds = parse_retry_after(format_datetime(moment, usegmt=True), now=NOW)
    assert seconds == min(86_400, max(0, (moment - NOW).total_seconds()))
