"""What happened lately, for the front page: outcomes by hour, success rate, durations, what waits.

What lives here: figures from the roll-up and the queue, which cost the same however long the log is. It must not know
pages or charts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from deliveries import sql
from deliveries.models.rollup import ALL_ENDPOINTS, DURATIONS_MS
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock
from deliveries.sql.figure_rows import EndpointStripsRow, OverviewHoursRow

ENDINGS = ("arrived", "refused", "failed", "unanswered")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STRIP_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span of time that charts show, and how long each of its columns is."""

    words: str
    length: timedelta
    step: timedelta


SPANS: Mapping[str, Span] = MappingProxyType(
    {
        "24h": Span(words=say("24 hours"), length=DAY, step=HOUR),
        "7d": Span(words=say("7 days"), length=7 * DAY, step=HOUR),
        "30d": Span(words=say("30 days"), length=30 * DAY, step=DAY),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a chart: how many attempts ended in which way."""

    at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTotals:
    """What the attempts of a span came to; without any, there is no share and no duration."""

    span: Span
    columns: Sequence[Column]
    attempts: int
    arrived_share: float | None
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of an endpoint's strip."""

    at: datetime
    arrived: int
    failed: int


def attempt_totals(
    viewer: Viewer, span: Span, *, endpoint_id: UUID | None = None, now: datetime | None = None
) -> AttemptTotals:
    """Return what became of the attempts that a viewer may know of, or of those at one endpoint."""
    step = "day" if span.step == DAY else "hour"
    first = _floor(now or clock.likely_now(), span.step) - span.length + span.step
    summed = endpoint_id or viewer.customer_id or ALL_ENDPOINTS
    parameters = {"endpoint_id": summed, "since": first, "bucket": step}
    rows = sql.fetch(OverviewHoursRow, parameters)
    durations = [sum(getattr(row, f"d{slot}") for row in rows) for slot in range(1, len(DURATIONS_MS) + 2)]
    attempts = sum(row.attempts for row in rows)
    arrived = sum(row.attempts for row in rows if row.ending == "arrived")
    return AttemptTotals(
        span=span,
        columns=_columns(rows, first, span),
        attempts=attempts,
        arrived_share=arrived / attempts if attempts else None,
        p50_ms=percentile(durations, 0.5),
        p95_ms=percentile(durations, 0.95),
    )


def percentile(durations: Sequence[int], share: float) -> int | None:
    """Return below how many milliseconds a share of the attempts took, from counts by DURATIONS_MS; None without any.

    Inside of a step the attempts are taken to be spread evenly; what took longer than the last step counts as that.
    """
    wanted, before = sum(durations) * share, 0
    if not wanted:
        return None
    bounds = (0, *DURATIONS_MS, DURATIONS_MS[-1])
    for slot, number in enumerate(durations):
        if number and before + number >= wanted:
            low, high = bounds[slot], bounds[slot + 1]
            return round(low + (high - low) * (wanted - before) / number)
        before += number
    return DURATIONS_MS[-1]


def strips_of(endpoint_ids: Sequence[UUID], *, now: datetime | None = None) -> dict[UUID, list[Hour]]:
    """Return the hours of the last day of each endpoint, the oldest first; hours without attempts are among them."""
    first = _floor(now or clock.likely_now(), HOUR) - (STRIP_HOURS - 1) * HOUR
    rows = sql.fetch(EndpointStripsRow, {"endpoint_ids": list(endpoint_ids), "since": first}) if endpoint_ids else []
    known = {(row.endpoint_id, row.hour): row for row in rows}
    hours = [first + place * HOUR for place in range(STRIP_HOURS)]
    return {each: [_hour(known.get((each, at)), at) for at in hours] for each in endpoint_ids}


def _columns(rows: Sequence[OverviewHoursRow], first: datetime, span: Span) -> list[Column]:
    known: dict[datetime, dict[str, int]] = {}
    for row in rows:
        known.setdefault(row.at, {})[row.ending] = row.attempts
    moments = [first + place * span.step for place in range(span.length // span.step)]
    return [Column(at=at, counts={name: known.get(at, {}).get(name, 0) for name in ENDINGS}) for at in moments]


def _hour(row: EndpointStripsRow | None, at: datetime) -> Hour:
    return Hour(at=at, arrived=row.arrived if row else 0, failed=row.failed if row else 0)


def _floor(moment: datetime, step: timedelta) -> datetime:
    return moment.replace(hour=0 if step == DAY else moment.hour, minute=0, second=0, microsecond=0)
