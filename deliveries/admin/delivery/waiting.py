"""Waiting on pages: what a delivery waits for, in words.

What lives here: words for values that services give. It must not know how they are found out.
"""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.parts.badges import badge, moment
from deliveries.models import Delivery
from deliveries.protocol.writing.timestamps import to_second
from deliveries.services.common.languages import tell
from deliveries.services.reading.waiting import Waiting, WaitReason, waiting_of

WAITS = {
    WaitReason.SCHEDULE: gettext_noop("its next attempt"),
    WaitReason.RESTING: gettext_noop("the endpoint, which is left alone for a while"),
    WaitReason.PAUSED: gettext_noop("the endpoint to be resumed: it was paused"),
    WaitReason.DISABLED: gettext_noop("the endpoint to be resumed: it was disabled"),
    WaitReason.ORDER: gettext_noop("an earlier delivery: this endpoint gets them in order"),
    WaitReason.POLL: gettext_noop("a poller to take it, or to answer for it"),
    WaitReason.RATE_LIMIT: gettext_noop("its turn: the endpoint gets so many a second"),
}


def with_waiting(rows: list[Any]) -> list[Any]:
    """Return deliveries, each with what it waits for; asked for once."""
    waiting = waiting_of(rows)
    for row in rows:
        row.waiting = waiting.get(row.pk)
    return rows


def waiting_in_words(waiting: Waiting) -> str:
    """Return what a delivery waits for."""
    what = gettext(WAITS[waiting.reason])
    since = to_second(waiting.since) if waiting.since else ""
    until = to_second(waiting.until) if waiting.until else ""
    if since and until:
        return tell("Waits for {what} on {since} UTC, until {until} UTC.", what=what, since=since, until=until)
    if since:
        return tell("Waits for {what} on {since} UTC.", what=what, since=since)
    if until:
        return tell("Waits for {what}, until {until} UTC.", what=what, until=until)
    return tell("Waits for {what}.", what=what)


def next_attempt(row: Delivery) -> SafeString | str:
    """Return when a delivery of such a list is sent next, else why nobody can tell; empty where nothing comes."""
    waiting: Waiting | None = getattr(row, "waiting", None)
    if waiting is None:
        return ""
    if waiting.next_attempt_at is not None:
        return moment(waiting.next_attempt_at, relative=True)
    if waiting.reason == WaitReason.SCHEDULE:
        return gettext("now")
    return badge(waiting.reason.replace("_", " "), colour="warning", title=waiting_in_words(waiting))
