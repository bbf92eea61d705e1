"""When a delivery window is open: days, hours past midnight, and the two nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidInput
from deliveries.protocol.when.delivery_window import DAYS, check_window, is_open, read_window, write_window

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """A moment in UTC; 2026-03-29 is a Sunday on which Berlin leaves out 02:00 to 03:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "moment", "wanted"),
    [
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-03-27T07:00", True),  # winter: 08:00 is 07:00 in UTC
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-03-27T06:59", False),
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-03-30T06:00", True),  # summer: 08:00 is 06:00 in UTC
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-03-30T16:00", False),
        ("mon-fri 08:00-18:00 Europe/Berlin", "2026-03-28T10:00", False),  # a Saturday
        ("sun 02:00-03:00 Europe/Berlin", "2026-03-29T00:59", False),  # the hour that is left out is not there
        ("sun 02:00-03:00 Europe/Berlin", "2026-03-29T01:00", False),
        ("sun 02:00-03:00 Europe/Berlin", "2026-10-25T00:30", True),  # the hour that comes twice is open twice
        ("sun 02:00-03:00 Europe/Berlin", "2026-10-25T01:30", True),
        ("sun 02:00-03:00 Europe/Berlin", "2026-10-25T02:00", False),
        ("fri 22:00-06:00 UTC", "2026-03-27T23:00", True),
        ("fri 22:00-06:00 UTC", "2026-03-28T05:59", True),  # the window of Friday goes on past midnight
        ("fri 22:00-06:00 UTC", "2026-03-28T06:00", False),
        ("fri 22:00-06:00 UTC", "2026-03-27T05:00", False),
        ("fri 00:00-00:00 UTC", "2026-03-27T12:00", True),
        ("sat-mon 10:00-11:00 America/New_York", "2026-03-29T14:30", True),
        ("sat-mon 10:00-11:00 America/New_York", "2026-03-31T14:30", False),
    ],
)
def test_a_window_is_open_by_the_wall_clock_of_its_zone(words: str, moment: str, wanted: bool) -> None:
    window = read_window(words)
    assert window is not None
    assert is_open(window, at(moment)) is wanted


@given(
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from([BERLIN, "UTC", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_what_is_written_is_read_again_and_a_week_has_open_and_closed_minutes(
    days: list[str], begins: int, ends: int, zone: str
) -> None:
    given_ = {"days": days, "timezone": zone}
    given_ |= {name: f"{m // 60:02}:{m % 60:02}" for name, m in (("from", begins), ("to", ends))}
    window = check_window(given_)
    assert window is not None
    assert read_window(write_window(window)) == window
    length = (ends - begins) % 1440 or 1440
    minutes = [is_open(window, at("2026-06-01T00:00") + timedelta(minutes=each)) for each in range(0, 7 * 1440, 30)]
    assert abs(sum(minutes) * 30 - length * len(window["days"])) <= 60 * len(days)


@pytest.mark.parametrize(
    "wrong",
    [
        "always", [], ["days", "from", "to", "timezone"],
        {"days": {"mon": 1}, "from": "08:00", "to": "09:00", "timezone": "UTC"},
        {"days": ["mon", "mo"], "from": "08:00", "to": "09:00", "timezone": "UTC"},
        {"days": ["mon"], "from": 8, "to": "09:00", "timezone": "UTC"},
        {"days": ["mon"]}, {"days": [], "from": "08:00", "to": "09:00", "timezone": "UTC"},
        {"days": ["mo"], "from": "08:00", "to": "09:00", "timezone": "UTC"},
        {"days": ["mon"], "from": "8:00", "to": "09:00", "timezone": "UTC"},
        {"days": ["mon"], "from": "08:00", "to": "24:00", "timezone": "UTC"},
        {"days": ["mon"], "from": "0\u0668:00", "to": "09:00", "timezone": "UTC"},
        {"days": ["mon"], "from": "08:00", "to": "\uff10\uff19:00", "timezone": "UTC"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "Europe/Atlantis"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "../../etc/passwd"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": 7},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "localtime"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "Factory"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "posixrules"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "right/Europe/Berlin"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "posix/Europe/Berlin"},
        {"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "UTC", "more": 1},
    ],
)  # fmt: skip
def test_what_is_no_window_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_window(wrong)
    assert refused.value.field == "delivery_window"


def test_no_window_is_none_and_written_as_nothing() -> None:
    assert (check_window(None), read_window(" "), write_window(None)) == (None, None, "")


def test_whether_a_window_in_a_zone_that_is_not_known_here_is_open_nobody_can_say() -> None:
    with pytest.raises(InvalidInput, match="timezone"):
        is_open({"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "Europe/Atlantis"}, at("2026-03-27"))


@pytest.mark.parametrize(
    "words",
    ["mon", "mon 8-18 UTC", "mon-xyz 08:00-18:00 UTC", "mon 08:00-18:00 Nowhere/At", "mon 0\u0668:00-18:00 UTC"],
)
def test_words_that_say_no_window_are_refused(words: str) -> None:
    with pytest.raises(InvalidInput):
        read_window(words)
