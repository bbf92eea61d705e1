"""What a delivery waits for, until when, and its coming attempts.

What lives here: reading that off the queue, the lane and the endpoint as they are now, because what is stored with a
delivery was true when its last attempt ended. It must not know what is sent when: the engine does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from deliveries.models import Delivery, DueDelivery, Endpoint, Lane, PollLease
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.when.backoff import DEFAULT_SCHEDULE
from deliveries.protocol.when.delivery_states import DeliveryState, is_waiting
from deliveries.services.common import clock
from deliveries.services.reading.endpoint_health import RestReason, resting

ROW_LAG = timedelta(seconds=1)
# What the columns of an endpoint and of its lane say of waiting; the rest of some fifty is not read for it.
READ = (
    "url",
    "state",
    "state_changed_at",
    "ordered",
    "set_aside_after",
    "retry_schedule",
    "rate_limit",
    "allowed_rate",
    "lane__rest_until",
    "lane__rest_reason",
    "lane__opened",
    "lane__failing_since",
    "lane__tokens",
    "lane__tokens_at",
)


class WaitReason(StrEnum):
    """Why a delivery has not been sent yet, or not again."""

    SCHEDULE = "schedule"
    RESTING = "resting"
    PAUSED = "paused"
    DISABLED = "disabled"
    ORDER = "order"
    RATE_LIMIT = "rate_limit"
    POLL = "poll"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """An attempt to come: its place in the schedule, and about when it is made, where that can be told."""

    number: int
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a delivery waits for. `next_attempt_at` is None where nobody can tell, and where an attempt is due now.

    `since` is when its endpoint was paused or disabled.
    """

    reason: WaitReason
    since: datetime | None
    until: datetime | None
    next_attempt_at: datetime | None
    schedule: Sequence[Coming]


class _Cause(NamedTuple):
    """Why something waits, until when, and when it is sent; the last two as far as they can be told."""

    reason: WaitReason
    until: datetime | None = None
    sent_at: datetime | None = None


def waiting_of(deliveries: Iterable[Delivery], *, now: datetime | None = None) -> dict[UUID, Waiting]:
    """Return for each delivery that is pending or held what it waits for; a bounded number of questions for all."""
    rows = [delivery for delivery in deliveries if is_waiting(DeliveryState(delivery.state))]
    if not rows:
        return {}
    moment = now or clock.database_now()
    found = Endpoint.objects.select_related("lane").only(*READ).in_bulk({row.endpoint_id for row in rows})
    places = DueDelivery.objects.filter(delivery_id__in=[row.id for row in rows], manual=False)
    due = {place.delivery_id: place for place in places}
    heads, leases = _heads(found), _leases(found)
    return {
        row.id: _waiting(endpoint, due.get(row.id) or _gone(row), heads, leases, now=moment)
        for row in rows
        if (endpoint := found.get(row.endpoint_id)) is not None
    }


def _heads(endpoints: Mapping[UUID, Endpoint]) -> dict[UUID, UUID]:
    """Return which delivery each ordered endpoint gets next."""
    ordered = [endpoint.id for endpoint in endpoints.values() if endpoint.ordered]
    first = DueDelivery.objects.filter(endpoint_id__in=ordered, manual=False, due_at__isnull=False)
    first = first.order_by("endpoint_id", "rank", "due_at", "event_id").distinct("endpoint_id")
    return dict(first.values_list("endpoint_id", "delivery_id")) if ordered else {}


def _leases(endpoints: Mapping[UUID, Endpoint]) -> dict[UUID, datetime]:
    """Return until when a poller may answer for what it took."""
    polled = [endpoint.id for endpoint in endpoints.values() if is_polled(endpoint.url)]
    rows = PollLease.objects.filter(endpoint_id__in=polled) if polled else ()
    return {row.delivery_id: row.until for row in rows}


def _gone(row: Delivery) -> DueDelivery:
    """Return a place for what left the queue since its row was read: it is being dealt with at this moment."""
    held = row.state == DeliveryState.HELD
    due_at = None if held else row.next_attempt_at or row.created_at
    return DueDelivery(delivery_id=row.id, endpoint_id=row.endpoint_id, attempts=row.attempts, due_at=due_at)


def _waiting(
    endpoint: Endpoint,
    due: DueDelivery,
    heads: Mapping[UUID, UUID],
    leases: Mapping[UUID, datetime],
    *,
    now: datetime,
) -> Waiting:
    cause = _cause(endpoint, due, heads, now=now)
    reason, until, at = cause.reason, cause.until, cause.sent_at
    if is_polled(endpoint.url) and reason == WaitReason.SCHEDULE and (at is None or at <= now):
        reason, until = WaitReason.POLL, leases.get(due.delivery_id)
    if at is not None and at <= now:
        at = None
    since = endpoint.state_changed_at if reason in (WaitReason.PAUSED, WaitReason.DISABLED) else None
    schedule = _coming(endpoint, due.attempts, at)
    return Waiting(reason=reason, since=since, until=until, next_attempt_at=at, schedule=schedule)


def _cause(endpoint: Endpoint, due: DueDelivery, heads: Mapping[UUID, UUID], *, now: datetime) -> _Cause:
    if endpoint.state != Endpoint.State.ENABLED:
        return _Cause(WaitReason.PAUSED if endpoint.state == Endpoint.State.PAUSED else WaitReason.DISABLED)
    if due.due_at is None:  # held back until its turn comes: a backlog drains at a limited rate
        return _Cause(WaitReason.RATE_LIMIT)
    if endpoint.ordered and heads.get(endpoint.id) != due.delivery_id and not _is_set_aside(endpoint, due):
        return _Cause(WaitReason.ORDER)
    rest = resting(endpoint, now=now)
    if rest is None or rest[0] <= due.due_at:
        return _by_schedule(endpoint, due.due_at, now=now)
    until, why = rest
    if why == RestReason.ORDER:  # an ordered endpoint rests until the retry of its first delivery
        return _Cause(WaitReason.SCHEDULE, until, until)
    # Only a few go when a lane that failed is tried again, and nobody can say when the others do.
    is_sent_then = why == RestReason.ASKED or endpoint.ordered
    return _Cause(WaitReason.RESTING, until, until if is_sent_then else None)


def _is_set_aside(endpoint: Endpoint, due: DueDelivery) -> bool:
    """Say whether it failed so often that it is tried beside the others."""
    return endpoint.set_aside_after is not None and due.attempts >= endpoint.set_aside_after


def _by_schedule(endpoint: Endpoint, due_at: datetime, *, now: datetime) -> _Cause:
    if due_at > now:
        return _Cause(WaitReason.SCHEDULE, due_at, due_at)
    rate = endpoint.deliveries_per_second
    if rate is not None and _is_short_of_tokens(endpoint.lane, rate, now=now):
        return _Cause(WaitReason.RATE_LIMIT)
    return _Cause(WaitReason.SCHEDULE)


def _is_short_of_tokens(lane: Lane, rate_per_second: float, *, now: datetime) -> bool:
    """Say whether the rate limit held something back a moment ago; the lane's row lags behind the worker."""
    elapsed = max(timedelta(0), now - lane.tokens_at - ROW_LAG)
    return lane.tokens + elapsed.total_seconds() * rate_per_second < 1


def _coming(endpoint: Endpoint, done: int, at: datetime | None) -> list[Coming]:
    """Return the attempts that are left, each after the delay of the schedule, without its jitter."""
    delays = (endpoint.retry_schedule or DEFAULT_SCHEDULE)[done:]
    coming = []
    for place, delay in enumerate(delays):
        if place and at is not None:
            at = at + timedelta(seconds=delay)
        coming.append(Coming(number=done + place + 1, at=at))
    return coming
