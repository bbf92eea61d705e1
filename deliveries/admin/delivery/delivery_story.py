"""The story of a delivery in words: one sentence on top, then what happened when and what comes.

What lives here: sentences and the order of things, made of rows that are at hand. It must not ask the database, nor
know requests or permissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from django.utils.translation import gettext

from deliveries.admin.delivery.attempts import shown_attempt, title_of
from deliveries.admin.delivery.waiting import waiting_in_words
from deliveries.admin.parts.badges import distance, moment
from deliveries.errors import InvalidInput
from deliveries.models import Attempt, Delivery, Event
from deliveries.models.visible import Viewer
from deliveries.protocol.answers.advice import Advice, advice_for
from deliveries.protocol.sending.request import moment_of
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing import timestamps
from deliveries.services.common.languages import in_words, tell, tell_number
from deliveries.services.reading.waiting import Waiting, WaitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing of the timeline: what, when, in which tone; an attempt brings its row along."""

    title: str
    at: str
    tone: str = ""
    words: str = ""
    attempt: dict[str, object] | None = None


def headline(row: Delivery, attempts: Sequence[Attempt], waiting: Waiting | None, *, now: datetime) -> str:
    """Return what became of a delivery, and why, as a sentence or two; `attempts` are in the order of time."""
    match state := DeliveryState(row.state):
        case DeliveryState.SUCCEEDED:
            return _arrived(row)
        case DeliveryState.EXHAUSTED:
            return _given_up(row, attempts)
        case DeliveryState.CANCELLED:
            return _cancelled(row) if row.error else gettext("Cancelled before it was sent.")
        case DeliveryState.PENDING | DeliveryState.HELD:
            so_far = f"{_failed_so_far(row)} " if row.error else ""
            return so_far + _goes_on(waiting, now=now)
    assert_never(state)


def advice_of(row: Delivery) -> Advice | None:
    """Return what to do about a delivery that failed; None for one that arrived or was not tried."""
    is_bad = row.error and row.state != DeliveryState.SUCCEEDED
    return advice_for(row.error, row.status_code) if is_bad else None


def timeline(
    row: Delivery, attempts: Sequence[Attempt], *, event: Event | None, waiting: Waiting | None, viewer: Viewer
) -> list[TimelineEntry]:
    """Return what happened, in the order of time, and what comes."""
    told = [] if event is None else [_emitted(event)]
    told.append(
        TimelineEntry(
            title=gettext("Accepted"), at=moment(row.created_at), words=gettext("Stored for good, and queued.")
        )
    )
    told += [
        TimelineEntry(
            title=title_of(attempt),
            at=moment(attempt.started_at),
            tone="bad" if attempt.error else "good",
            attempt=shown_attempt(attempt, viewer),
        )
        for attempt in attempts
    ]
    return [*told, *_end(row), *_coming(waiting)]


def _emitted(event: Event) -> TimelineEntry:
    """Return when the caller says that it happened."""
    if event.erased_at is not None:
        words = tell("{type}. Its content was erased since.", type=event.type)
        return TimelineEntry(title=gettext("Emitted"), at="", words=words)
    try:
        said = moment(timestamps.read(moment_of(bytes(event.body))))
    except (InvalidInput, KeyError, TypeError, ValueError):
        said = ""
    return TimelineEntry(
        title=gettext("Emitted"), at=said, words=tell("{type}, by the time that it carries.", type=event.type)
    )


def _end(row: Delivery) -> list[TimelineEntry]:
    match state := DeliveryState(row.state):
        case DeliveryState.EXHAUSTED:
            words = gettext("The schedule is used up. A redelivery is possible at any time.")
            at = moment(row.failed_at or row.finished_at)
            return [TimelineEntry(title=gettext("Given up"), at=at, tone="bad", words=words)]
        case DeliveryState.CANCELLED:
            words = gettext("It is not sent by itself.")
            return [TimelineEntry(title=gettext("Cancelled"), at=moment(row.finished_at), tone="bad", words=words)]
        case DeliveryState.SUCCEEDED | DeliveryState.PENDING | DeliveryState.HELD:
            return []
    assert_never(state)


def _coming(waiting: Waiting | None) -> list[TimelineEntry]:
    if waiting is None:
        return []
    now = TimelineEntry(title=gettext("Now"), at="", tone="now", words=waiting_in_words(waiting))
    coming = [
        TimelineEntry(
            title=tell("Attempt {number}", number=each.number),
            at="" if each.at is None else moment(each.at),
            tone="coming",
        )
        for each in waiting.schedule
    ]
    return [now, *coming]


def _goes_on(waiting: Waiting | None, *, now: datetime) -> str:
    if waiting is None:
        return gettext("It is being dealt with at this moment.")
    if waiting.next_attempt_at is not None:
        at = waiting.next_attempt_at
        return tell("The next try is at {at} UTC, {away}.", at=timestamps.to_second(at), away=distance(at, now=now))
    if waiting.reason == WaitReason.SCHEDULE:
        return gettext("It is due now.")
    return waiting_in_words(waiting)


def _says(row: Delivery) -> str:
    return in_words(advice_for(row.error, row.status_code).says)


def _arrived(row: Delivery) -> str:
    tries, span = row.attempts, ""
    if row.finished_at is not None:
        span = _duration(row.finished_at - row.created_at)
    if tries == 1 and span:
        return tell("Arrived at the first try, {span} after it was accepted.", span=span)
    if tries == 1:
        return gettext("Arrived at the first try.")
    if span:
        return tell_number(
            "Arrived after {number} try, {span} after it was accepted.",
            "Arrived after {number} tries, {span} after it was accepted.",
            tries,
            span=span,
        )
    return tell_number("Arrived after {number} try.", "Arrived after {number} tries.", tries)


def _given_up(row: Delivery, attempts: Sequence[Attempt]) -> str:
    end = row.failed_at or row.finished_at
    if end is None or not attempts:
        return tell_number(
            "Given up after {number} try: {says}.",
            "Given up after {number} tries: {says}.",
            row.attempts,
            says=_says(row),
        )
    return tell_number(
        "Given up after {number} try in {span}: {says}.",
        "Given up after {number} tries in {span}: {says}.",
        row.attempts,
        span=_duration(end - attempts[0].started_at),
        says=_says(row),
    )


def _cancelled(row: Delivery) -> str:
    return tell_number(
        "Cancelled after {number} try: {says}.",
        "Cancelled after {number} tries: {says}.",
        row.attempts,
        says=_says(row),
    )


def _failed_so_far(row: Delivery) -> str:
    if row.attempts == 1:
        return tell("Failed once so far: {says}.", says=_says(row))
    return tell("Failed {number} times so far: {says}.", number=row.attempts, says=_says(row))


def _duration(span: timedelta) -> str:
    """Return how long something took, down to milliseconds."""
    seconds = max(0.0, span.total_seconds())
    return timestamps.short_span(seconds) if seconds >= 1 else f"{round(seconds * 1000)} ms"
