"""Delivery windows: on which days and between which hours of a time zone an endpoint is sent to.

What lives here: what a window may be, and whether it is open at a moment. It is judged by the wall clock of its zone,
so that it begins at eight in summer and in winter; an hour that a change of the clock leaves out is not there, one that
it repeats counts twice. It must not know rows or clocks of ours: `now` comes in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import TypedDict
from zoneinfo import ZoneInfo

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.time_zones import zone_named

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW_WORDS = say("days hours zone, such as mon-fri 08:00-18:00 Europe/Berlin")
OUTSIDE = say("outside its delivery window")  # why such an endpoint is paused
NO_ZONE = say("timezone is a name of the IANA, such as Europe/Berlin")
_OF_A_HOST = ("localtime", "posixrules", "Factory")  # names of files beside the zones, and no zones
_OTHER_CLOCKS = ("posix/", "right/")  # the same zones again, one with leap seconds: 27 s off
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)  # the digits of other scripts nobody reads again
_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)", re.ASCII)

DeliveryWindow = TypedDict("DeliveryWindow", {"days": list[str], "from": str, "to": str, "timezone": str})


def check_window(given: object) -> DeliveryWindow | None:
    """Return a window in its stored form, None for none; raises InvalidInput."""
    if given is None:
        return None
    window = _checked(given)
    if window["timezone"] in _OF_A_HOST or window["timezone"].startswith(_OTHER_CLOCKS):
        raise _wrong(NO_ZONE)
    return window


def _checked(given: object) -> DeliveryWindow:
    if not isinstance(given, Mapping) or set(given) != {"days", "from", "to", "timezone"}:
        raise _wrong(say("has days, from, to and timezone"))
    days = given["days"]
    if not isinstance(days, list) or not days or not all(day in DAYS for day in days):
        raise _wrong(say("days are some of {names}", names=", ".join(DAYS)))
    for name in ("from", "to"):
        if not isinstance(given[name], str) or _TIME.fullmatch(given[name]) is None:
            raise _wrong(say("{name} is a time of day such as 08:00", name=name))
    _check_zone(given["timezone"])
    ordered = [day for day in DAYS if day in days]
    return {"days": ordered, "from": given["from"], "to": given["to"], "timezone": given["timezone"]}


def read_window(text: str) -> DeliveryWindow | None:
    """Return the window that a line of words says, None for an empty one; raises InvalidInput."""
    words = text.lower().split()[:2] + text.split()[2:]
    if not words:
        return None
    hours = _HOURS.fullmatch(words[1]) if len(words) == 3 else None
    if hours is None:
        raise _wrong(say("is written as {window_words}", window_words=WINDOW_WORDS))
    return check_window({"days": _days(words[0]), "from": hours[1], "to": hours[2], "timezone": words[2]})


def write_window(window: DeliveryWindow | None) -> str:
    """Return a window as a line of words; empty for none."""
    if window is None:
        return ""
    return f"{','.join(window['days'])} {window['from']}-{window['to']} {window['timezone']}"


def is_open(window: DeliveryWindow, now: datetime) -> bool:
    """Say whether a window is open; one that ends before it begins goes on past midnight, into the next day.

    Raises InvalidInput for one that cannot be read any more: not every host knows the same zones.
    """
    _checked(window)
    local = now.astimezone(ZoneInfo(window["timezone"]))
    begins, ends = time.fromisoformat(window["from"]), time.fromisoformat(window["to"])
    today, yesterday = (DAYS[(local.weekday() - back) % 7] in window["days"] for back in (0, 1))
    moment = local.time()
    if begins < ends:
        return today and begins <= moment < ends
    return (today and moment >= begins) or (yesterday and moment < ends)


def _days(words: str) -> list[str]:
    found: list[str] = []
    for part in words.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise _wrong(say("days are some of {names}, or mon-fri", names=", ".join(DAYS)))
        span = (DAYS.index(last) - DAYS.index(first)) % 7 if dash else 0
        found += [DAYS[(DAYS.index(first) + step) % 7] for step in range(span + 1)]
    return found


def _check_zone(name: object) -> None:
    if not isinstance(name, str) or zone_named(name) is None:
        raise _wrong(NO_ZONE)


def _wrong(detail: str) -> InvalidInput:
    return InvalidInput(say("a delivery window {detail}", detail=detail), field="delivery_window")
