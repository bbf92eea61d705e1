"""Whether an endpoint's deliveries arrive: one value, which API, pages, alerts, auto-disable and metrics share.

What lives here: since when nothing arrived, which share arrived, the commonest failure, and why a lane rests.
It must not know whether the lane may be called: that is the engine's breaker. An endpoint that answers 404 to
everything may be called, and nothing arrives there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Now

from deliveries import sql
from deliveries.models import Endpoint, EndpointHour, Lane
from deliveries.protocol.answers.outcome import NOT_THEIRS
from deliveries.services.common import clock
from deliveries.sql.figure_rows import EndpointHealthRow, LatelyAtEndpointsRow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWEST = 20
# Fewer failures than this are no incident that anybody is called for, nor any that were all at its beginning.
FEWEST_FAILURES = 3


class HealthState(StrEnum):
    """What is known of an endpoint's deliveries."""

    HEALTHY = "healthy"
    FAILING = "failing"
    UNKNOWN = "unknown"


class RestReason(StrEnum):
    """Why a lane is left alone for a while."""

    DOWN = "down"
    FAILING = "failing"
    ASKED = "asked"
    ORDER = "order"
    PROBLEM = "problem"
    NO_SOCKET = "no_socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether deliveries arrive; shares are of what was first tried then, None when nothing was.

    `since` is set while it is failing. `error` is the commonest failure of the last day, with its status.
    """

    state: HealthState
    since: datetime | None
    share_1h: float | None
    share_24h: float | None
    error: str | None
    status_code: int | None


def health_of(endpoints: Iterable[Endpoint], *, now: datetime | None = None) -> dict[UUID, Health]:
    """Return the health of each of these endpoints, in one round trip or two; their lanes should be at hand.

    What no hour tells of yet, or has not been sent to for a day, is read from the log itself: a look into each of its
    days, which costs more than all else, so the others are spared it.
    """
    return health_since({each.id: each.lane.failing_since for each in endpoints}, now=now)


def health_since(since: Mapping[UUID, datetime | None], *, now: datetime | None = None) -> dict[UUID, Health]:
    """Return the health of endpoints that have been failing since then, or are not."""
    if not since:
        return {}
    moment = now or clock.database_now()
    day, hour = _hour_of(moment - DAY), _hour_of(moment - HOUR)
    asked = {"endpoint_ids": list(since), "day": day, "hour": hour, "not_theirs": sorted(NOT_THEIRS)}
    rows = sql.fetch(EndpointHealthRow, asked)
    newest = _newest_at([row.endpoint_id for row in rows if not row.is_counted], day)
    return {row.endpoint_id: _health(row, newest.get(row.endpoint_id), since[row.endpoint_id]) for row in rows}


def _newest_at(endpoint_ids: Sequence[UUID], day: datetime) -> dict[UUID, LatelyAtEndpointsRow]:
    asked = {"endpoint_ids": list(endpoint_ids), "day": day, "newest": NEWEST}
    rows = sql.fetch(LatelyAtEndpointsRow, asked) if endpoint_ids else []
    return {row.endpoint_id: row for row in rows}


def resting(endpoint: Endpoint, *, now: datetime | None = None) -> tuple[datetime, str] | None:
    """Return until when an endpoint's lane rests, and why; None when it does not.

    A lane whose worker did not say why, as before an upgrade, is told by what else is known of it.
    """
    lane = endpoint.lane
    if lane.rest_until is None or lane.rest_until <= (now or clock.database_now()):
        return None
    if lane.rest_reason:
        return lane.rest_until, lane.rest_reason
    if lane.opened:
        return lane.rest_until, RestReason.FAILING
    return lane.rest_until, RestReason.ORDER if endpoint.ordered and lane.failing_since else RestReason.ASKED


def long_failing(span: timedelta) -> QuerySet[Lane]:
    """Return the lanes of enabled endpoints where nothing has arrived for so long, and not for want of trying.

    There were several failures, the last of them in the later half of the span: a single event that failed
    long ago is no reason, one event a day that always fails is.
    """
    failed = (
        EndpointHour.objects.filter(endpoint_id=OuterRef("endpoint_id"), hour__gt=OuterRef("failing_since") - HOUR)
        .exclude(error__in=["", *NOT_THEIRS])
        .order_by()
        .values("endpoint_id")
    )
    lanes = Lane.objects.filter(
        failing_since__lt=Now() - span, endpoint__state=Endpoint.State.ENABLED, endpoint__deleted_at=None
    ).filter(endpoint__customer__moving="")
    return lanes.annotate(
        failures_since=Subquery(failed.annotate(failures=Sum("attempts")).values("failures")),
        failed_at=Subquery(failed.annotate(failed_at=Max("last_at")).values("failed_at")),
    ).filter(failures_since__gte=FEWEST_FAILURES, failed_at__gt=F("failing_since") + span / 2)


def _health(row: EndpointHealthRow, newest: LatelyAtEndpointsRow | None, failing_since: datetime | None) -> Health:
    tried, arrived = (row.tried_24h, row.arrived_24h) if row.is_counted else _of_newest(newest)
    known = arrived or (newest is not None and newest.has_arrived)
    state = HealthState.FAILING if failing_since else HealthState.HEALTHY if known else HealthState.UNKNOWN
    fails = row if newest is None else newest
    return Health(
        state=state,
        since=failing_since,
        share_1h=_share(row.tried_1h, row.arrived_1h) if row.is_counted else _share(tried, arrived),
        share_24h=_share(tried, arrived, was_tried=row.is_counted),
        error=fails.error,
        status_code=fails.status_code or None,
    )


def _of_newest(newest: LatelyAtEndpointsRow | None) -> tuple[int, int]:
    return (newest.tried, newest.arrived) if newest else (0, 0)


def _share(tried: int, arrived: int, *, was_tried: bool = False) -> float | None:
    """Return which part arrived: what arrives late counts for its delivery, so there may be more than were tried."""
    if not tried and not arrived:
        return 0.0 if was_tried else None
    return round(arrived / max(tried, arrived), 4)


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
