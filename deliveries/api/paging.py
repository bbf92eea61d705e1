"""Lists as pages: keyset cursors on the id, which is time. No count, so that every page costs the same.

What lives here: cursors, limits, and the links to the pages next door. It must not know what is listed:
the queryset that comes in is already cut to what the caller may see, and a cursor only moves in it.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from deliveries.api.problems import QueryError
from deliveries.api.window_query import among

LIMIT = 50
LIMIT_MAX = 250
WINDOW = 2_000
PLACE_BYTES = 17  # a direction and an id; the sum comes after it
PARAMETERS = frozenset({"limit", "cursor"})

Row = TypeVar("Row", bound=Model)
Direction = Literal["n", "p"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: after the row of this id, or before it."""

    direction: Direction
    id: UUID


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request wants to read, and how much."""

    limit: int
    cursor: Cursor | None

    @property
    def direction(self) -> Direction:
        """Which way the page goes."""
        return self.cursor.direction if self.cursor else "n"

    @property
    def backwards(self) -> bool:
        """Whether the page is read against the list's order."""
        return self.direction == "p"


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of a page in the list's order, and the id behind which its direction goes on, if it does."""

    rows: list[Row]
    edge: UUID | None


def page_of(
    request: Request,
    rows: QuerySet[Row],
    show: Callable[[Row], Mapping[str, object]],
    *,
    base: QuerySet[Row] | None = None,
) -> dict[str, object]:
    """Return one page of a list, newest first; `base` as for rows_at."""
    return page_of_all(request, rows, lambda found: [show(row) for row in found], base=base)


def page_of_all(
    request: Request,
    rows: QuerySet[Row],
    show_all: Callable[[Sequence[Row]], Sequence[Mapping[str, object]]],
    *,
    base: QuerySet[Row] | None = None,
) -> dict[str, object]:
    """Return one page of a list whose rows are shown together: what they ask for besides is asked for once."""
    place = place_of(request)
    found = rows_at(rows, place, base=base)
    return links(request, place, found) | {"results": show_all(found.rows)}


def rows_at(
    rows: QuerySet[Row], place: Place, *, base: QuerySet[Row] | None = None, ascending: bool = False
) -> Slice[Row]:
    """Return the rows of a page.

    `base` is what an index finds, where `rows` narrow it by more than that: a page looks at so many rows of
    it and no more, and may come out short or empty while the list goes on. A rare needle in five million
    rows then costs more pages, and not one page of seconds.
    """
    rising = ascending != place.backwards
    order, side = ("pk", "pk__gt") if rising else ("-pk", "pk__lt")
    start = {side: place.cursor.id} if place.cursor else {}
    rows, window = rows.filter(**start).order_by(order), None
    if base is not None:
        looked_at = base.filter(**start).order_by(order)
        window = looked_at.values_list("pk", flat=True)[WINDOW : WINDOW + 1].first()
        if window is not None:  # by id and not by number: rows that come meanwhile push none out
            looked_at = looked_at.filter(**{"pk__lte" if rising else "pk__gte": window})
        rows = among(rows, looked_at)
    found = list(rows[: place.limit + 1])
    edge = found[place.limit - 1].pk if len(found) > place.limit else window
    found = found[: place.limit]
    return Slice(found[::-1] if place.backwards else found, edge)


def links(request: Request, place: Place, page: Slice[Row]) -> dict[str, object]:
    """Return `next` and `previous` of a page."""
    back = None if place.cursor is None else _way_back(place.cursor, page.rows)
    on = None if page.edge is None else Cursor(place.direction, page.edge)
    following, previous = (back, on) if place.backwards else (on, back)
    return {"next": _link(request, following), "previous": _link(request, previous)}


def _way_back(cursor: Cursor, rows: Sequence[Model]) -> Cursor:
    """Return the cursor of the page that one came from: before the first row, or back over the cursor itself."""
    if cursor.direction == "p":
        return Cursor("n", rows[-1].pk if rows else UUID(int=min(cursor.id.int + 1, 2**128 - 1)))
    return Cursor("p", rows[0].pk if rows else UUID(int=max(cursor.id.int - 1, 0)))


def place_of(request: Request) -> Place:
    """Read `limit` and `cursor` of a query; raises QueryError."""
    limit, cursor = request.query_params.get("limit"), request.query_params.get("cursor")
    return Place(
        LIMIT if limit is None else _read_limit(limit), None if cursor is None else _read_cursor(request, cursor)
    )


def _read_cursor(request: Request, text: str) -> Cursor:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    place = raw[:PLACE_BYTES]
    is_ours = raw == _marked(request, place) or raw == place  # without a sum: of the release before this one
    if len(place) != PLACE_BYTES or place[:1] not in (b"n", b"p") or not is_ours:
        raise QueryError([{"pointer": "/cursor", "detail": "not a cursor of this list"}])
    return Cursor("n" if place[:1] == b"n" else "p", UUID(bytes=place[1:]))


def _written(request: Request, cursor: Cursor) -> str:
    marked = _marked(request, cursor.direction.encode() + cursor.id.bytes)
    return base64.urlsafe_b64encode(marked).decode().rstrip("=")


def _marked(request: Request, place: bytes) -> bytes:
    """Return a place with a sum that no other list has for it, for whichever customer the list is."""
    found = request.resolver_match
    return place + zlib.crc32((found.route if found else "").encode() + place).to_bytes(4, "big")


def _read_limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= LIMIT_MAX):
        raise QueryError([{"pointer": "/limit", "detail": f"a whole number from 1 to {LIMIT_MAX}"}])
    return int(text)


def _link(request: Request, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = _written(request, cursor)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
