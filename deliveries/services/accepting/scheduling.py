"""Events that are to be sent later: how much later they may be, and how they are taken back.

What lives here: the rules for `deliver_at`, and cancelling what an event still has to send. Until its time comes a
delivery waits in the queue like a retry. It must not know requests.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import InvalidInput
from deliveries.models import Customer, Event
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.ids import floor_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.resending.backlog import CANCEL_BATCH
from deliveries.sql.ending_rows import CancelEventRow

LONGEST = timedelta(days=30)
KEPT_AFTERWARDS = timedelta(days=2)  # for the attempts, before the log of the event's day is dropped
MILLISECOND = timedelta(milliseconds=1)
PASSED = timedelta(minutes=1)  # a caller's clock may be a little behind


def deliver_later(moment: datetime | None) -> datetime | None:
    """Return when an event is to be sent first, None for at once. Raises InvalidInput for what is over or too far."""
    if moment is None:
        return None
    moment, now = timestamps.in_utc(moment, field="deliver_at"), clock.likely_now()
    if moment < now - PASSED:
        raise InvalidInput(say("deliver_at has passed"), field="deliver_at")
    days = days_ahead()
    if moment > now + timedelta(days=days):
        raise InvalidInput(say("deliver_at is at most {days} days ahead", days=days), field="deliver_at")
    return moment if moment > now else None


def days_ahead() -> int:
    """Return how many days ahead a `deliver_at` may be: less than the log of its event's day is kept."""
    return min(LONGEST, max(timedelta(0), timedelta(days=conf.retention_days) - KEPT_AFTERWARDS)).days


def cancel_event(event: Event, *, actor: str, reason: str = "", note: str = "") -> int:
    """Cancel what of an event was never sent, and make no more deliveries of it; returns how many were cancelled.

    What a worker has in hand at this moment may still arrive; the log tells.
    """
    number = _cancel(event)
    owner = Customer.objects.filter(id=event.customer_id).first()
    detail = {"cancelled": number}
    record_act(
        actor, "event.cancel", customer=owner, object_id=event.public_id, reason=reason, note=note, detail=detail
    )
    return number


def _cancel(event: Event) -> int:
    """Cancel the deliveries that were made with an event, then those of replays, whose ids are of their own time."""
    latest = clock.likely_now() + timedelta(seconds=conf.clock_tolerance_seconds)
    bounds = [floor_of(moment) for moment in (event.made_at, event.made_at + MILLISECOND, latest)]
    return sum(_cancel_between(event, *span) for span in pairwise(bounds))


def _cancel_between(event: Event, from_id: UUID, until_id: UUID) -> int:
    total, span = 0, {"from_id": from_id, "until_id": until_id}
    while True:
        cancelled = sql.fetch(CancelEventRow, {"event_id": event.id, "batch": CANCEL_BATCH, **span})[0].cancelled
        total += cancelled
        if not cancelled:
            return total
