"""Pages over events, which lie in two places of their index: a customer's own, and those for everyone.

What lives here: the sources of a list, and their rows merged to one page. It must not know what is shown of an event.
PostgreSQL would fetch what both places have of all times and sort it; asked one by one, each is read in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db.models import QuerySet

from deliveries.api.paging import Place, Slice, rows_at
from deliveries.models import Event, visible
from deliveries.models.visible import Viewer
from deliveries.services.accepting.event_store import EVERYONE

Narrow = Callable[[QuerySet[Event]], QuerySet[Event]]


def sources_of(viewer: Viewer, customer_id: UUID | str | None = None) -> list[QuerySet[Event]]:
    """Return the events that a viewer sees: all, those of one customer, or those for everyone alone."""
    if customer_id == EVERYONE:
        return [visible.events_for_everyone(viewer)]
    concerned = viewer.customer_id or customer_id
    if not isinstance(concerned, UUID):
        return [visible.events(viewer)]
    own = visible.own_events(concerned).filter(visible.of_viewer(viewer))
    is_there = visible.customers(viewer).filter(id=concerned).exists()
    return [own, visible.events_for_everyone(Viewer(concerned))] if is_there else [own]


def events_at(
    bases: Sequence[QuerySet[Event]], place: Place, *, narrow: Narrow, ascending: bool = False, for_tag: bool = False
) -> Slice[Event]:
    """Return the rows of a page of all sources; `narrow` may leave out what no index finds.

    With `for_tag` they have what tells one answer from another, and nothing else.
    """
    slices = []
    for base in bases:
        rows = narrow(base)
        looked_at = None if rows is base else base
        wanted = rows.only("id", "erased_at") if for_tag else rows
        slices.append(rows_at(wanted, place, base=looked_at, ascending=ascending))
    return merged(slices, place, ascending=ascending)


def merged(slices: Sequence[Slice[Event]], place: Place, *, ascending: bool = False) -> Slice[Event]:
    """Return one page of several, as far as all of them have been read."""
    rising = ascending != place.backwards
    edges = [each.edge for each in slices if each.edge is not None]
    edge = (min if rising else max)(edges) if edges else None
    rows = [row for each in slices for row in each.rows]
    if edge is not None:
        rows = [row for row in rows if (row.pk <= edge if rising else row.pk >= edge)]
    rows.sort(key=lambda row: row.pk, reverse=not rising)
    if len(rows) > place.limit:
        rows = rows[: place.limit]
        edge = rows[-1].pk
    return Slice(rows[::-1] if place.backwards else rows, edge)
