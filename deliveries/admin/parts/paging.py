"""Pages of lists: one at a time by key, without counting: page 1,000 of 5,000,000 rows costs what page 1 costs.

What lives here: reading one page, and the places of its neighbours. Where no index finds what is meant, a page looks
through window after window for a moment and says how far it came. It must not know which rows are listed, or requests.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_noop

from deliveries.models import DueDelivery
from deliveries.protocol.writing.ids import time_of
from deliveries.services.common.statement_timeout import at_most
from deliveries.services.reading.selection import among

LIST_SECONDS = 5.0
LOOK_SECONDS = 0.03  # then a page says how far it came, and lists.js asks for the next: nobody holds a process for long
WINDOW = 10_000
DEAR_WINDOW = 2_000  # where each row of it is looked up in another table, or its body is read
GROWTH = 4  # of a look at the queue: a page that lacks a few rows looks up some hundred more, not thousands
NEWEST_FIRST = "-id"
TOO_SLOW = gettext_noop("This search takes too long. Narrow it by time, customer or endpoint.")

Row = TypeVar("Row", bound=Model)
Direction = Literal["older", "newer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows that are meant; `base` is what one index finds in their order, where they are less than that.

    It is dear to look through it where each row is looked up in another table, or its body is read. What waits is among
    the rows of `queue`, which are fewer than those of the log.
    """

    rows: QuerySet[Any]
    base: QuerySet[Any] | None = None
    queue: QuerySet[DueDelivery] | None = None
    is_dear: bool = False

    @property
    def window(self) -> int:
        """How many rows of `base` or `queue` one look reads."""
        return DEAR_WINDOW if self.is_dear or self.queue is not None else WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page begins: beyond a row, in one direction; without one at the start."""

    direction: Direction = "older"
    bound: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page in the order of its list; `searched_to` when it ended before everything was looked through."""

    rows: list[Any]
    newer: str = ""
    older: str = ""
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows nearest first, and the id behind which others may follow; `is_cut` when time was up."""

    rows: list[Any]
    edge: UUID | None
    is_cut: bool = False


def read_place(text: str) -> Place:
    """Read the page parameter; anything else than ours is the first page."""
    direction, _, bound = text.partition("-")
    try:
        return Place(direction="newer" if direction == "newer" else "older", bound=UUID(bound))
    except ValueError:
        return Place()


def read_page(sources: Sequence[Source], place: Place, *, size: int, order: str = NEWEST_FIRST) -> Page:
    """Return one page of all sources together; raises TooSlow."""
    with at_most(seconds=LIST_SECONDS):
        stretches = [_stretch(source, place, size, order) for source in sources]
    found = stretches[0] if len(stretches) == 1 else _merged(stretches, place, size)
    is_back = place.direction == "newer"
    rows = found.rows[::-1] if is_back else found.rows
    on = f"{place.direction}-{found.edge}" if found.edge else ""
    first, last = (rows[0].pk, rows[-1].pk) if rows else (place.bound, place.bound)
    back = "" if place.bound is None else f"older-{last}" if is_back else f"newer-{first}"
    searched_to = time_of(found.edge) if found.is_cut and found.edge else None
    return Page(rows=rows, newer=on if is_back else back, older=back if is_back else on, searched_to=searched_to)


def rows_beyond(rows: QuerySet[Row], place: Place, *, order: str = NEWEST_FIRST) -> QuerySet[Row]:
    """Return the rows on one side of a place, nearest first."""
    is_falling = (order[0] == "-") != (place.direction == "newer")
    key, sign = order.lstrip("-"), "-" if is_falling else ""
    by = (f"{sign}{key}",) if key == "id" else (f"{sign}{key}", f"{sign}id")
    if place.bound is not None:
        rows = rows.filter(_beyond(rows, key, place.bound, "lt" if is_falling else "gt"))
    return rows.order_by(*by)


def _beyond(rows: QuerySet[Model], key: str, bound: UUID, side: str) -> Q:
    if key == "id":
        return Q(**{f"id__{side}": bound})
    value = rows.model._default_manager.filter(pk=bound).values_list(key, flat=True).first()
    return Q() if value is None else Q(**{f"{key}__{side}": value}) | Q(**{key: value, f"id__{side}": bound})


def _stretch(source: Source, place: Place, size: int, order: str) -> _Stretch:
    if source.base is None and source.queue is None:
        return _full(list(rows_beyond(source.rows, place, order=order)[: size + 1]), size)
    found: list[Any] = []
    until, window = time.monotonic() + LOOK_SECONDS, source.window if source.queue is None else 2 * size
    while True:
        rows, edge = _look(source, place, window)
        found += rows[: size + 1 - len(found)]
        if edge is None or len(found) > size:
            return _full(found, size)
        if time.monotonic() > until:
            return _Stretch(found, edge, is_cut=True)
        place, window = Place(direction=place.direction, bound=edge), min(GROWTH * window, source.window)


def _look(source: Source, place: Place, window: int) -> tuple[QuerySet[Model], UUID | None]:
    """Return the rows that are meant in one window, nearest first, and the last id of it; None: there is no other."""
    rows, is_older = rows_beyond(source.rows, place), place.direction == "older"
    if source.queue is not None:
        keys = list(_queued_beyond(source.queue, place)[: window + 1])
        return among(rows, keys[:window]), keys[window - 1] if len(keys) > window else None
    assert source.base is not None
    edge = rows_beyond(source.base, place).values_list("pk", flat=True)[window : window + 1].first()
    return rows if edge is None else rows.filter(**{"id__gte" if is_older else "id__lte": edge}), edge


def _queued_beyond(queue: QuerySet[DueDelivery], place: Place) -> QuerySet[DueDelivery, UUID]:
    is_older = place.direction == "older"
    if place.bound is not None:
        queue = queue.filter(**{"delivery_id__lt" if is_older else "delivery_id__gt": place.bound})
    return queue.order_by("-delivery_id" if is_older else "delivery_id").values_list("delivery_id", flat=True)


def _full(found: list[Any], size: int) -> _Stretch:
    return _Stretch(found[:size], found[size - 1].pk if len(found) > size else None)


def _merged(stretches: Sequence[_Stretch], place: Place, size: int) -> _Stretch:
    """Return one stretch of several, newest first, as far as all of them have been read."""
    is_back = place.direction == "newer"
    edges = [each.edge for each in stretches if each.edge is not None]
    edge = (min if is_back else max)(edges) if edges else None
    rows = [row for each in stretches for row in each.rows]
    if edge is not None:
        rows = [row for row in rows if (row.pk <= edge if is_back else row.pk >= edge)]
    rows.sort(key=lambda row: row.pk, reverse=not is_back)
    if len(rows) > size:
        return _Stretch(rows[:size], rows[size - 1].pk)
    return _Stretch(rows, edge, is_cut=any(each.is_cut for each in stretches))
