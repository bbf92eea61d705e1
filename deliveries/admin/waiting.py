"""Waiting on pages: what a delivery waits for, in words.

What lives here: words for values that services give. It must not know how they are found out.
"""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString

from deliveries.admin.badges import badge, moment
from deliveries.models import Delivery
from deliveries.services.waiting import Waiting, WaitReason, waiting_of

WAITS = {
    WaitReason.SCHEDULE: "its next attempt",
    WaitReason.RESTING: "the endpoint, which is left alone for a while",
    WaitReason.PAUSED: "the endpoint to be resumed: it was paused",
    WaitReason.DISABLED: "the endpoint to be resumed: it was disabled",
    WaitReason.ORDER: "an earlier delivery: this endpoint gets them in order",
    WaitReason.POLL: "a poller to take it, or to answer for it",
    WaitReason.RATE_LIMIT: "its turn: the endpoint gets so many a second",
}


def with_waiting(rows: list[Any]) -> list[Any]:
    """Return deliveries, each with what it waits for; asked for once."""
    waiting = waiting_of(rows)
    for row in rows:
        row.waiting = waiting.get(row.pk)
    return rows


def waiting_in_words(waiting: Waiting) -> str:
    """Return what a delivery waits for."""
    since = f" on {waiting.since:%Y-%m-%d %H:%M:%S} UTC" if waiting.since else ""
    until = f", until {waiting.until:%Y-%m-%d %H:%M:%S} UTC" if waiting.until else ""
    return f"Waits for {WAITS[waiting.reason]}{since}{until}."


def next_attempt(row: Delivery) -> SafeString | str:
    """Return when a delivery of such a list is sent next, else why nobody can tell."""
    waiting: Waiting | None = getattr(row, "waiting", None)
    if waiting is None:
        return "-"
    if waiting.next_attempt_at is not None:
        return moment(waiting.next_attempt_at, relative=True)
    if waiting.reason == WaitReason.SCHEDULE:
        return "now"
    return badge(waiting.reason.replace("_", " "), colour="warning", title=waiting_in_words(waiting))
