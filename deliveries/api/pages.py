"""Lists as pages: keyset cursors on the id, which is time. No count, so that every page costs the same.

What lives here: cursors, limits, and the links to the pages next door. It must not know what is listed:
the queryset that comes in is already cut to what the caller may see, and a cursor only moves in it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from deliveries.api.problems import QueryError

LIMIT = 50
LIMIT_MAX = 250
PARAMETERS = frozenset({"limit", "cursor"})

Row = TypeVar("Row", bound=Model)
Direction = Literal["n", "p"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: after the row of this id, or before it."""

    direction: Direction
    id: UUID

    def __str__(self) -> str:
        raw = self.direction.encode() + self.id.bytes
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request wants to read, and how much."""

    limit: int
    cursor: Cursor | None


def page_of(
    request: Request, rows: QuerySet[Row], show: Callable[[Row], Mapping[str, Any]], *, ascending: bool = False
) -> dict[str, Any]:
    """Return one page of a list, newest first unless `ascending`."""
    place = place_of(request)
    found, more = rows_at(rows, place, ascending=ascending)
    return links(request, place, [row.pk for row in found], more=more) | {"results": [show(row) for row in found]}


def rows_at(rows: QuerySet[Row], place: Place, *, ascending: bool = False) -> tuple[list[Row], bool]:
    """Return the rows of a page in the list's order, and whether there are more in its direction."""
    backwards = place.cursor is not None and place.cursor.direction == "p"
    rising = ascending != backwards
    if place.cursor is not None:
        rows = rows.filter(**{"pk__gt" if rising else "pk__lt": place.cursor.id})
    found = list(rows.order_by("pk" if rising else "-pk")[: place.limit + 1])
    more = len(found) > place.limit
    found = found[: place.limit]
    return (found[::-1] if backwards else found), more


def links(request: Request, place: Place, ids: list[UUID], *, more: bool) -> dict[str, Any]:
    """Return `next` and `previous` of a page with these ids."""
    backwards = place.cursor is not None and place.cursor.direction == "p"
    has_next = bool(ids) and (backwards or more)
    has_previous = bool(ids) and place.cursor is not None and (more or not backwards)
    return {
        "next": _link(request, Cursor("n", ids[-1])) if has_next else None,
        "previous": _link(request, Cursor("p", ids[0])) if has_previous else None,
    }


def place_of(request: Request) -> Place:
    """Read `limit` and `cursor` of a query; raises QueryError."""
    limit, cursor = request.query_params.get("limit"), request.query_params.get("cursor")
    return Place(LIMIT if limit is None else _read_limit(limit), None if cursor is None else read_cursor(cursor))


def read_cursor(text: str) -> Cursor:
    """Return the cursor that a link carried; raises QueryError."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 17 or raw[:1] not in (b"n", b"p"):
        raise QueryError([{"pointer": "/cursor", "detail": "not a cursor of ours"}])
    return Cursor("n" if raw[:1] == b"n" else "p", UUID(bytes=raw[1:]))


def _read_limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= LIMIT_MAX):
        raise QueryError([{"pointer": "/limit", "detail": f"a whole number from 1 to {LIMIT_MAX}"}])
    return int(text)


def _link(request: Request, cursor: Cursor) -> str:
    query = request.query_params.copy()
    query["cursor"] = str(cursor)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
