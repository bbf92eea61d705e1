"""Filters by whose rows they are: a customer, an endpoint.

What lives here: from what a person types to ids. It must not know what is listed.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.lists.list_filters import TextFilter
from deliveries.admin.parts.badges import shortened
from deliveries.admin.parts.ids import read_id
from deliveries.models import Customer, Endpoint, visible
from deliveries.protocol.writing import ids
from deliveries.services.common.languages import tell

NAME_MATCHES = 50
PICKED = 100


class CustomerFilter(TextFilter):
    """One customer by id, uid or name; several when the name is part of several."""

    title, names, placeholder = gettext_noop("Customer"), ("customer",), gettext_noop("Name, uid or cus_…")
    picks = "customer"

    def read(self) -> None:
        """Find the customers first: the log is then read by its index."""
        text = self.value
        found, known = customers_called(text), None
        if len(found) == 1:
            known = Customer.objects.filter(id=found[0]).first()
        if not found or (known is None and len(found) == 1):  # its log may still be there
            self.trouble = gettext("There is no customer of this id, uid or name.")
        self.narrows = {"customer_ids": tuple(found)}
        self.show(
            known.name if known else tell("{number} called “{text}”", number=len(found), text=text) if found else text
        )


class EndpointFilter(TextFilter):
    """One endpoint, by id or by a part of its URL."""

    title, names, placeholder = gettext_noop("Endpoint"), ("endpoint",), gettext_noop("ep_… or part of the URL")
    picks = "endpoint"

    def read(self) -> None:
        """Find the endpoint, also one that was deleted, and say when there is none that the viewer may see."""
        key = read_id(ids.ENDPOINT, self.value)
        if key is None:
            return self.read_part()
        row = visible.endpoints_ever(self.viewer).filter(id=key).first()
        if row is None:
            self.trouble = gettext("There is no endpoint of this id.")
        self.narrows, self.is_refused = {"endpoint_id": key}, row is None and not self.viewer.is_operator
        self.show(named(row) if row else self.value)
        return None

    def read_part(self) -> None:
        """Find the one endpoint whose URL contains what was typed."""
        found = list(endpoints_called(visible.endpoints(self.viewer), self.value)[:2])
        if len(found) == 1:
            self.narrows = {"endpoint_id": found[0].pk}
            return self.show(named(found[0]))
        if found:
            return self.refuse(gettext("The URLs of several endpoints contain this. Write more of it, or choose one."))
        return self.refuse(gettext("There is no endpoint of this id, and none whose URL contains this."))


class OwnEndpointFilter(EndpointFilter):
    """One of a customer's own endpoints, chosen from all of them, or of very many from the newest."""

    kind = "picker"

    def choices(self) -> list[dict[str, object]]:
        """Return the customer's endpoints, and the chosen one even when it was deleted."""
        newest = visible.endpoints(self.viewer).only("id", "url", "description").order_by("-id")[:PICKED]
        rows = sorted(newest, key=lambda row: row.url)  # by the database very many would be read for it
        chosen = self.narrows.get("endpoint_id")
        if chosen and not self.is_refused and chosen not in {row.pk for row in rows}:
            rows += visible.endpoints_ever(self.viewer).filter(id=chosen)
        return [{"value": row.public_id, "text": named(row), "is_chosen": row.pk == chosen} for row in rows]


def customers_called(text: str) -> list[UUID]:
    """Return the ids of customers with that id or uid, else of those whose name contains the text."""
    key = read_id(ids.CUSTOMER, text)
    if key is not None:
        return [key]
    exact = list(Customer.objects.filter(uid=text).values_list("id", flat=True)[:1])
    return exact or list(Customer.objects.filter(Q(name__icontains=text)).values_list("id", flat=True)[:NAME_MATCHES])


def endpoints_called(rows: QuerySet[Endpoint], text: str) -> QuerySet[Endpoint]:
    """Narrow endpoints to those with this in their URL or description, or with this uid."""
    return rows.filter(Q(url__icontains=text) | Q(description__icontains=text) | Q(uid=text)).order_by("-id")


def named(row: Endpoint) -> str:
    """Return how a list names an endpoint."""
    return shortened(row.url.partition("://")[2], length=48)
