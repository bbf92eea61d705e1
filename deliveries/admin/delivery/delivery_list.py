"""The list of deliveries: what its filters mean, and what of that an index finds.

What lives here: from the words of a selection to rows. The same selection lists, exports and sends again, so that what
was seen is what is sent. It must not know columns or pages.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db.models import Q, QuerySet

from deliveries.admin.lists.asked import Asked
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.paging import DEAR_WINDOW, Source
from deliveries.models import Customer, Delivery, DueDelivery, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.when.delivery_states import DeliveryState, is_waiting
from deliveries.protocol.writing import ids
from deliveries.services.reading.selection import Selection, between, deliveries_of

COLUMNS = {ids.DELIVERY: "id", ids.EVENT: "event_id", ids.ENDPOINT: "endpoint_id", ids.CUSTOMER: "customer_id"}


def source_of(asked: Asked, *, viewer: Viewer) -> Source:
    """Return the deliveries that an address asks for."""
    if asked.is_refused:
        return Source(rows=Delivery.objects.none())
    selection, customers = selection_of(asked)
    rows, base = deliveries_of(viewer, selection)
    if len(customers) != 1 and "customer_ids" in asked.narrows:
        everybodys = between(visible.deliveries(viewer), since=selection.since, until=selection.until)
        rows, base = rows.filter(customer_id__in=customers), everybodys if base is None else base
    if asked.words:
        return Source(rows=rows.filter(condition_for(asked.words, viewer=viewer)))
    if selection.states and asks_for_waiting(asked):
        queue = _queued(selection)
        if not _has_place_in_log(selection, viewer) or not queue[DEAR_WINDOW : DEAR_WINDOW + 1].exists():
            return Source(rows=rows, queue=queue)
    return Source(rows=rows, base=base, is_dear=bool(selection.tags))


def _has_place_in_log(selection: Selection, viewer: Viewer) -> bool:
    """Say whether one customer's rows are meant, which an index of the log has in their order and the queue has not."""
    return not selection.endpoint_id and bool(selection.customer_id or viewer.customer_id)


def asks_for_waiting(asked: Asked) -> bool:
    """Say whether nothing that has ended is asked for by its state."""
    return all(is_waiting(DeliveryState(state)) for state in asked.narrows.get("states", ()))


def selection_of(asked: Asked) -> tuple[Selection, tuple[UUID, ...]]:
    """Return what the filters of a list mean, and the customers of that name when they are not one."""
    words = asked.narrows
    customers = words.pop("customer_ids", ())
    selection = Selection(**words)
    return (replace(selection, customer_id=customers[0]) if len(customers) == 1 else selection), customers


def condition_for(term: str, *, viewer: Viewer) -> Q:
    """Return where to look for an id that somebody pasted; staff may paste the uid of a customer too."""
    if viewer.is_operator and (customer := Customer.objects.filter(uid=term).values_list("id", flat=True).first()):
        return Q(customer_id=customer)
    prefix = term.partition("_")[0] if "_" in term else ""
    chosen = {prefix: COLUMNS[prefix]} if prefix in COLUMNS else COLUMNS if not prefix else {}
    found = Q(pk__in=[])
    for known, column in chosen.items():
        if (key := read_id(known, term)) is not None:
            found |= Q(**{column: key})
    return found


def _queued(selection: Selection) -> QuerySet[DueDelivery]:
    due = DueDelivery.objects.filter(manual=False)
    due = due.filter(endpoint_id=selection.endpoint_id) if selection.endpoint_id else due
    return between(due, since=selection.since, until=selection.until, column="delivery_id")
