"""Time zones: names, moments read in one, and the next eight o'clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deliveries.protocol.writing.time_zones import next_at, stamp, zone_named

WINTER = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Berlin", "../etc/passwd", "/Europe/Berlin", "Europe/Berlin\n", "Europe/" * 40])
def test_what_the_iana_has_not_named_is_no_zone(name: str) -> None:
    assert zone_named(name) is None


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("", "2026-01-15 23:30 UTC"),
        ("Europe/London", "2026-01-15 23:30 UTC"),  # in winter it is the same
        ("gone/zone", "2026-01-15 23:30 UTC"),
        ("Europe/Berlin", "2026-01-15 23:30 UTC (2026-01-16 00:30 Europe/Berlin)"),
    ],
)
def test_a_moment_is_written_in_utc_and_beside_it_as_read_elsewhere(zone: str, written: str) -> None:
    assert stamp(WINTER, zone) == written


@pytest.mark.parametrize(
    ("zone", "now", "then"),
    [
        ("", datetime(2026, 1, 15, 7, 59, tzinfo=UTC), datetime(2026, 1, 15, 8, tzinfo=UTC)),
        ("", datetime(2026, 1, 15, 8, tzinfo=UTC), datetime(2026, 1, 16, 8, tzinfo=UTC)),
        ("Asia/Kolkata", WINTER, datetime(2026, 1, 16, 2, 30, tzinfo=UTC)),
        # The clock goes forward in the night between.
        ("Europe/Berlin", datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 29, 6, tzinfo=UTC)),
    ],
)
def test_the_next_eight_oclock_is_by_the_wall_clock_of_the_zone(zone: str, now: datetime, then: datetime) -> None:
    assert next_at(8, zone=zone, now=now) == then
