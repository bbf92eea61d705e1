"""What of the log a job means, found part by part, and how many of it would be queued now.

What lives here: bounded looks at the log, for counting and for queueing alike, so that a dry run says what is sent
then. It must not know jobs' rows, and queues nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DataError, transaction
from django.db.models import QuerySet

from deliveries import sql
from deliveries.models import Delivery, Endpoint, Event, Job, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.ids import floor_of, time_of
from deliveries.services.bodies.filter_bodies import mapped_events, matching
from deliveries.services.common.statement_timeout import TooSlow, at_most
from deliveries.services.process.shares import counts
from deliveries.services.reading.selection import Selection, among, between, deliveries_of, of_types
from deliveries.services.resending.cancellations import still_waiting, waiting_rows
from deliveries.sql.rows import CountRedeliverableRow, RedeliverableRow, ReplayableRow

WINDOW = 20_000  # rows that one look reads at most, however few of them are meant
QUEUE_WINDOW = 5_000  # where each is looked up in the log
COUNT_CHUNK = 2_000
COUNT_LIMIT = 100_000
COUNT_SECONDS = 2.0
PAGE_LOOKS = 6  # for a page that asks before: of what support sends again in one go each is counted
ROUND_ABOUT = timedelta(days=1)
DOUBTFUL_LIMIT = 40  # events of a part that are tried alone, each in a savepoint; one customer's may all be odd

Kind = Job.Kind
Meant = Delivery | Event


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are meant, in the order of their ids, and the id behind which others may follow; None: none do."""

    ids: list[UUID]
    edge: UUID | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many would be queued; when counting stopped early, at least so many."""

    number: int
    is_complete: bool

    @property
    def is_nothing(self) -> bool:
        """Whether nothing would be queued, to the best of anybody's knowledge."""
        return self.is_complete and not self.number


@dataclass(frozen=True, slots=True)
class Eligible:
    """Which of some rows would be queued now, and how many could not be because their endpoint was deleted since."""

    ids: list[UUID]
    lost: int = 0


def next_part(kind: str, selection: Selection, viewer: Viewer, *, after: UUID | None, before: UUID, size: int) -> Part:
    """Return the next rows that are meant behind an id, `size` at most, out of a bounded window of the log."""
    if kind == Kind.CANCEL:
        return _next_waiting(selection, viewer, after=after, before=before, size=size)
    rows, indexed = _rows(kind, selection, viewer)
    bounds = {"id__lt": before} | ({} if after is None else {"id__gt": after})
    window = indexed.filter(**bounds).order_by("id").values_list("id", flat=True)
    edge = window[WINDOW : WINDOW + 1].first()
    if edge is not None:
        bounds["id__lte"] = edge
    ids = list(rows.filter(**bounds).order_by("id").values_list("id", flat=True)[:size])
    return Part(ids, ids[-1] if len(ids) == size else edge)


def eligible(kind: str, selection: Selection, ids: Sequence[UUID], *, since: datetime | None = None) -> Eligible:
    """Return which of these rows would be queued now; `since` is when a job for them was asked for."""
    if not ids:
        return Eligible([])
    if kind == Kind.REPLAY:
        return Eligible(_replayable(ids, selection.endpoint_id))
    if kind == Kind.CANCEL:
        return Eligible(still_waiting(ids))
    found = sql.fetch(RedeliverableRow, _days_of(ids))
    lost = sum(1 for row in found if since and row.deleted_at and row.deleted_at >= since)
    return Eligible([row.id for row in found if row.refused is None], lost)


def _days_of(ids: Sequence[UUID]) -> Mapping[str, object]:
    """Return deliveries, and between which ids they are and their events, which are of their times, give or take."""
    since, until = time_of(min(ids)) - ROUND_ABOUT, time_of(max(ids)) + ROUND_ABOUT
    return {"delivery_ids": ids, "since": floor_of(since), "until": floor_of(until)}


def count_part(kind: str, selection: Selection, ids: Sequence[UUID]) -> int:
    """Count which of these rows would be queued now."""
    if not ids or kind in (Kind.REPLAY, Kind.CANCEL):
        return len(eligible(kind, selection, ids).ids)
    return sql.fetch(CountRedeliverableRow, _days_of(ids))[0].number


def count_eligible(kind: str, selection: Selection, viewer: Viewer, *, before: UUID, looks: int | None = None) -> Count:
    """Count what would be queued, up to COUNT_LIMIT and for about COUNT_SECONDS, or in so many looks at the log.

    Raises TooManyAtOnce where a customer has one under way for long.
    """
    with counts.turn():
        return _count(kind, selection, viewer, before=before, looks=looks)


def _count(kind: str, selection: Selection, viewer: Viewer, *, before: UUID, looks: int | None) -> Count:
    number, until = 0, time.monotonic() + COUNT_SECONDS
    try:
        with at_most(seconds=COUNT_SECONDS):
            for look, part in enumerate(_parts(kind, selection, viewer, before), start=1):
                number += count_part(kind, selection, part.ids)
                is_enough = number >= COUNT_LIMIT or time.monotonic() > until or look == looks
                if part.edge is not None and is_enough:
                    return Count(number, is_complete=False)
    except TooSlow:
        return Count(number, is_complete=False)
    return Count(number, is_complete=True)


def _parts(kind: str, selection: Selection, viewer: Viewer, before: UUID) -> Iterator[Part]:
    after: UUID | None = None
    while True:
        part = next_part(kind, selection, viewer, after=after, before=before, size=COUNT_CHUNK)
        yield part
        if (after := part.edge) is None:
            return


def _replayable(event_ids: Sequence[UUID], endpoint_id: UUID | None) -> list[UUID]:
    """Return which of these an endpoint was never sent, of events in doubt for a number only so many as are tried."""
    endpoint = Endpoint.objects.filter(id__in=[endpoint_id]).exclude(filter="").first()
    mapped = mapped_events(event_ids, endpoint.api_version) if endpoint else []
    wanted = {"endpoint_id": endpoint_id, "doubtful": False, "mapped": mapped}
    rows = sql.fetch(ReplayableRow, {"event_ids": event_ids, **wanted})
    if endpoint and mapped:
        wrong = set(mapped) - matching({row.id for row in rows} & set(mapped), endpoint.filter, endpoint.api_version)
        rows = [row for row in rows if row.id not in wrong]
    doubtful = [row.id for row in rows if row.doubtful]
    readable = {event_id for event_id in doubtful[:DOUBTFUL_LIMIT] if _is_replayable(event_id, endpoint_id)}
    return [row.id for row in rows if not row.doubtful or row.id in readable]


def _is_replayable(event_id: UUID, endpoint_id: UUID | None) -> bool:
    """Say so of one event, which no filter matches if none can evaluate it."""
    try:
        with transaction.atomic():
            asked = {"event_ids": [event_id], "endpoint_id": endpoint_id, "doubtful": True, "mapped": []}
            return bool(sql.fetch(ReplayableRow, asked))
    except DataError:
        return False


def _next_waiting(selection: Selection, viewer: Viewer, *, after: UUID | None, before: UUID, size: int) -> Part:
    rows, queued = waiting_rows(selection, viewer)
    queued = queued.filter(delivery_id__lt=before, **({} if after is None else {"delivery_id__gt": after}))
    places = list(queued.order_by("delivery_id").values_list("delivery_id", flat=True)[: QUEUE_WINDOW + 1])
    edge = places[QUEUE_WINDOW - 1] if len(places) > QUEUE_WINDOW else None
    ids = list(among(rows, places[:QUEUE_WINDOW]).order_by("id").values_list("id", flat=True)[:size])
    return Part(ids, ids[-1] if len(ids) == size else edge)


def _rows(kind: str, selection: Selection, viewer: Viewer) -> tuple[QuerySet[Meant], QuerySet[Meant]]:
    """Return what is meant, and what of it one index finds in the order of ids."""
    if kind != Kind.REPLAY:
        rows, indexed = deliveries_of(viewer, selection)
        return rows, rows if indexed is None else indexed
    endpoint = visible.endpoints(viewer).filter(id__in=[selection.endpoint_id]).first()
    if endpoint is None:  # deleted meanwhile
        return Event.objects.none(), Event.objects.none()
    all_of = visible.events(Viewer(endpoint.customer_id))
    all_of = between(all_of, since=selection.since, until=selection.until)
    wanted = all_of.filter(tags__overlap=list(selection.tags)) if selection.tags else all_of
    return of_types(of_types(wanted, endpoint.event_types, column="type"), selection.types, column="type"), all_of
