"""Moments as people and programs write them: one way to read, one way to write.

What lives here: RFC 3339 in both directions, and short forms for people. Read is any form of it that names its offset;
written is UTC with milliseconds, which is also what an id can hold. It must not know the clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.sentences import say

FORM = "a time of RFC 3339 with its offset from UTC, such as 2026-11-28T09:30:00.000Z"
OUTSIDE = "a time between the years 1 and 9999 in UTC"

_MILLISECOND = timedelta(milliseconds=1)
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))
_UNIX = re.compile(r"\d{1,19}(?:\.\d{1,9})?", re.ASCII)
_LARGEST_SECONDS = 1e11  # in the year 5138; what is larger is finer
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


def read(text: object, *, field: str = "") -> datetime:
    """Return the moment in UTC, to the microsecond; raises InvalidInput. Source: RFC 3339 5.6.

    A leap second is the first of the next minute, as POSIX counts it.
    """
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidInput(say("this is not {form}", form=FORM), field=field)
    try:
        return _moment_of(found)
    except OverflowError as error:
        raise InvalidInput(say("this is not {outside}", outside=OUTSIDE), field=field) from error
    except ValueError as error:
        raise InvalidInput(say("there is no such time: {error}", error=error), field=field) from error


def read_printed(text: str) -> datetime:
    """Return the moment that a program printed: RFC 3339, a date of HTTP, or Unix time in seconds or finer."""
    if (unix := _UNIX.fullmatch(text)) is not None:
        seconds = float(unix[0])
        while seconds > _LARGEST_SECONDS:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    try:
        of_mail = parsedate_to_datetime(text)
    except ValueError:
        return read(text)
    return in_utc(of_mail)


def in_utc(moment: datetime, *, field: str = "") -> datetime:
    """Return a moment of the caller's in UTC; raises InvalidInput for one without an offset or beyond the calendar."""
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidInput(say("a time is a datetime with its offset from UTC"), field=field)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(say("this is not {outside}", outside=OUTSIDE), field=field) from error


def write(moment: datetime) -> str:
    """Return a moment as everything shows it; what is finer than a millisecond is cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_minute(moment: datetime) -> str:
    """Return a moment in UTC as people read it where seconds say nothing."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def to_second(moment: datetime) -> str:
    """Return a moment in UTC as people read it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def short_span(seconds: float) -> str:
    """Return a span of time in the largest unit of which there are two, such as `5 min`; below two minutes in seconds.

    The units are words in no language.
    """
    size, unit = next((each for each in _UNITS if seconds >= 2 * each[0]), (1, "s"))
    return f"{round(seconds / size)} {unit}"


def next_millisecond(moment: datetime) -> datetime:
    """Return the first whole millisecond that is not before a moment."""
    beyond = moment.microsecond % 1000
    return moment + timedelta(microseconds=1000 - beyond) if beyond and moment <= _LAST else moment


_LAST = datetime.max.replace(tzinfo=UTC) - _MILLISECOND


def _moment_of(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    leap = second == 60
    microsecond = int((found[7] or "")[:6].ljust(6, "0"))
    given = datetime(year, month, day, hour, minute, 59 if leap else second, microsecond, _offset(found))
    moment = given.astimezone(UTC)
    if not leap:
        return moment
    if (moment.hour, moment.minute) != (23, 59):
        raise ValueError("a leap second ends a day in UTC")
    return moment + timedelta(seconds=1)


def _offset(found: re.Match[str]) -> timezone:
    if found[8]:
        return UTC
    hours, minutes = int(found[10]), int(found[11])
    if hours > 23 or minutes > 59:
        raise ValueError("an offset is at most 23:59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if found[9] == "-" else offset)
