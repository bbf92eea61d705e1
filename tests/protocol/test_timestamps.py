"""Moments: every form of RFC 3339 is read, and all are written alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidInput
from deliveries.protocol.writing import timestamps

NOON = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-28T12:00:00Z", NOON),
        ("2026-11-28t12:00:00z", NOON),
        ("2026-11-28 12:00:00Z", NOON),
        ("2026-11-28T13:30:00+01:30", NOON),
        ("2026-11-28T00:01:00-11:59", NOON),
        ("2026-11-28T12:00:00-00:00", NOON),
        ("2026-11-28T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-11-28T12:00:00.123456Z", NOON.replace(microsecond=123_456)),
        ("2026-11-28T12:00:00.123456789012345678901234567890Z", NOON.replace(microsecond=123_456)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("1990-12-31T15:59:60.25-08:00", datetime(1991, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_any_form_of_rfc_3339_is_read(text: str, moment: datetime) -> None:
    assert timestamps.read(text) == moment
    assert timestamps.read(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-28",
        "2026-11-28T12:00:00",
        "2026-11-28 12:00:00",
        "2026-11-28T12:00Z",
        "2026-11-28T12:00:00.Z",
        "2026-11-28T12:00:00,5Z",
        "2026-11-28T12:00:00+0100",
        "2026-11-28T12:00:00+01",
        "2026-11-28T12:00:00+24:00",
        "2026-11-28T12:00:00+01:60",
        "2026-11-28T24:00:00Z",
        "2026-11-28T12:60:00Z",
        "2026-11-28T12:00:60Z",
        "2026-11-28T12:00:61Z",
        "2026-02-29T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:59:00+01:00",
        "9999-12-31T23:00:00-01:00",
        "9999-12-31T23:59:60Z",
        "20261128T120000Z",
        "+2026-11-28T12:00:00Z",
        "٢٠٢٦-11-28T12:00:00Z",
        "2026-11-28T12:00:00Z\n",
        1764331200,
        None,
    ],
)
def test_anything_else_is_refused_with_the_field_that_holds_it(text: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        timestamps.read(text, field="since")
    assert caught.value.field == "since"


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NOON, "2026-11-28T12:00:00.000Z"),
        (NOON.replace(microsecond=999_999), "2026-11-28T12:00:00.999Z"),
        (NOON.astimezone(timezone(timedelta(hours=5))), "2026-11-28T12:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_every_moment_is_written_in_utc_with_milliseconds(moment: datetime, written: str) -> None:
    assert timestamps.write(moment) == written


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_as_the_same_millisecond(moment: datetime) -> None:
    back = timestamps.read(timestamps.write(moment))
    assert timedelta() <= moment - back < timedelta(milliseconds=1)


@given(st.datetimes(timezones=st.just(UTC), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001
def test_the_next_millisecond_is_the_first_that_is_not_before(moment: datetime) -> None:
    later = timestamps.next_millisecond(moment)
    assert later.microsecond % 1000 == 0
    assert timedelta() <= later - moment < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "moment",
    [
        NOON.replace(tzinfo=None),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_a_callers_moment_without_an_offset_or_beyond_the_calendar_is_refused(moment: datetime) -> None:
    with pytest.raises(InvalidInput):
        timestamps.in_utc(moment)


@pytest.mark.parametrize(
    "text",
    [
        "1769851800",
        "1769851800.0",
        "1769851800000",
        "1769851800000000000",
        "Sat, 31 Jan 2026 09:30:00 GMT",
        "Sat, 31 Jan 2026 10:30:00 +0100",
        "2026-01-31T10:30:00+01:00",
        "2026-01-31 09:30:00Z",
    ],
)
def test_a_moment_is_read_as_programs_print_it(text: str) -> None:
    assert timestamps.read_printed(text) == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-31T09:30:00", "9" * 20, "Sat, 31 Jan 2026 09:30:00", "-1"])
def test_a_printed_moment_without_its_offset_is_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        timestamps.read_printed(text)
