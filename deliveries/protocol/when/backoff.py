"""When to try again.

What lives here: the retry schedule, its jitter, and the reading of `Retry-After`.
It must not know the clock or the dice: `now` and `rng` come in. Source: RFC 9110 10.2.3, 5.6.7.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

from deliveries.errors import InvalidInput
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.sentences import say

DEFAULT_SCHEDULE = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
SCHEDULE_LIMIT = 30
DELAY_LIMIT_SECONDS = 604_800
JITTER = 0.2
RETRY_AFTER_LIMIT_SECONDS = 86_400

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
# A comma that is not the one within a date.
_JOINT = re.compile("".join(f"(?<!{end})" for end in _DAY[3:-1].split("|")) + "(?<!day),", re.IGNORECASE)
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_ZONE = "(?:gmt|utc?|z|(?P<sign>[+-])(?P<zone_hours>[0-9]{2}):?(?P<zone_minutes>[0-9]{2}))"
# The three forms of RFC 9110; of the first also what mail libraries write, with another zone than GMT.
_HTTP_DATES = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        f"(?:{_DAY}, )?(?P<day>[0-9]{{1,2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} {_ZONE}",
        f"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} gmt",
        f"{_DAY} {_MONTH} (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)
_SECONDS = re.compile(r"([0-9]+)(?:\.([0-9]+))?", re.ASCII)  # Shopify and Discord write 2.0


def check_schedule(schedule: object) -> list[int]:
    """Return the delays before each attempt, the first one included, or raise InvalidInput."""
    if not isinstance(schedule, list | tuple) or not 1 <= len(schedule) <= SCHEDULE_LIMIT:
        raise InvalidInput(
            say("a retry schedule is a list of 1 to {schedule_limit} delays", schedule_limit=SCHEDULE_LIMIT),
            field="retry_schedule",
        )
    for delay in schedule:
        if type(delay) is not int or not 0 <= delay <= DELAY_LIMIT_SECONDS:
            raise InvalidInput(
                say(
                    "each delay is a whole number of seconds from 0 to {delay_limit_seconds}",
                    delay_limit_seconds=DELAY_LIMIT_SECONDS,
                ),
                field="retry_schedule",
            )
    return list(schedule)


def delay_seconds(schedule: Sequence[int], attempts_done: int, *, rng: random.Random) -> float | None:
    """Return the delay before the next attempt, with jitter, or None when the schedule is used up."""
    if attempts_done >= len(schedule):
        return None
    return schedule[attempts_done] * rng.uniform(1 - JITTER, 1 + JITTER)


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks for, 0 to a day, or None if it is neither number nor date.

    Read generously: whoever asks for time in another form than RFC 9110 has it wants it all the same. Of several
    numbers and dates, as a proxy joins them, the longest wait counts.
    """
    waits = [_one_wait(part.strip(" \t"), now=now) for part in _JOINT.split(value or "")]
    known = [wait for wait in waits if wait is not None]
    return max(known) if len(known) == len(waits) else None


def _one_wait(text: str, *, now: datetime) -> float | None:
    if (seconds := _seconds(text)) is not None:
        return seconds
    moment = _http_date(text, now=now) or _rfc_3339(text)
    if moment is None:
        return None
    return min(float(RETRY_AFTER_LIMIT_SECONDS), max(0.0, (moment - now).total_seconds()))


def _seconds(text: str) -> float | None:
    found = _SECONDS.fullmatch(text)
    if found is None:
        return None
    # Long runs of digits are cut short before int() sees them: it refuses more than 4,300.
    whole = int(found[1].lstrip("0")[:9] or "0")
    return float(min(RETRY_AFTER_LIMIT_SECONDS, whole + bool((found[2] or "").strip("0"))))


def _rfc_3339(text: str) -> datetime | None:
    try:
        return timestamps.read(text)
    except InvalidInput:
        return None


def _http_date(text: str, *, now: datetime) -> datetime | None:
    match = next((found for form in _HTTP_DATES if (found := form.fullmatch(text))), None)
    if match is None:
        return None
    part = match.groupdict()
    year = int(part["year"]) if len(part["year"]) == 4 else _full_year(int(part["year"]), now=now)
    month = _MONTHS.index(part["month"].lower()) + 1
    try:
        # A leap second is a legal HTTP-date but not a legal datetime.
        second = min(int(part["second"]), 59) if part["second"] == "60" else int(part["second"])
        zone = timezone(_offset(part))
        return datetime(year, month, int(part["day"]), int(part["hour"]), int(part["minute"]), second, tzinfo=zone)
    except ValueError:
        return None


def _offset(part: Mapping[str, str | None]) -> timedelta:
    """Return the zone of a date; ValueError comes of it later where there is no such zone."""
    offset = timedelta(hours=int(part.get("zone_hours") or 0), minutes=int(part.get("zone_minutes") or 0))
    return -offset if part.get("sign") == "-" else offset


def _full_year(two_digits: int, *, now: datetime) -> int:
    year = now.year - now.year % 100 + two_digits
    return year - 100 if year > now.year + 50 else year
