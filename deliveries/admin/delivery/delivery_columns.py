"""Columns of the lists of deliveries.

What lives here: one small piece of a page per value of a row, also for rows whose customer was deleted. It
must not know the list around it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from deliveries.admin.delivery.waiting import next_attempt
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.lists.listing import ListPages
from deliveries.admin.parts.badges import answer_of, badge, code, dotted, link, url_in_two_lines
from deliveries.admin.parts.paging import Row
from deliveries.admin.parts.pieces import piece
from deliveries.models import Delivery, Event
from deliveries.models.log import EVERYONES
from deliveries.protocol.writing import ids
from deliveries.services.common.languages import tell

DELETED = gettext_noop("deleted")


def still_there(row: Any, name: str) -> Any | None:
    """Return what a row of the log belongs to; None when that was deleted, for the log outlives customers."""
    try:
        return getattr(row, name)
    except ObjectDoesNotExist:
        return None


class CustomerLink(ListPages[Row]):
    """Mixed into the staff's pages of the log."""

    def customer_link(self, row: Delivery | Event) -> SafeString:
        """The customer, linked; the id alone of one that was deleted."""
        if row.customer_id == EVERYONES:
            return code("*", title=gettext("for every customer"))
        customer = still_there(row, "customer")
        if customer is None:
            return code(ids.encode_id(ids.CUSTOMER, row.customer_id), title=gettext("deleted"))
        return link(self.url("change", customer.public_id, model="customer"), customer.name)


class DeliveryColumns(ListPages[Delivery]):
    """Mixed into the pages of deliveries."""

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: Delivery) -> SafeString:
        """State as a badge; of what waits, when it is sent next, or what it waits for."""
        state, coming = badge(row.state), next_attempt(row)
        return piece('{} <span class="hp-muted hp-nowrap">{}</span>', state, coming) if coming else state

    @admin.display(description=gettext_lazy("Delivery"))
    def shown_id(self, row: Delivery) -> SafeString:
        """The end of the id tells deliveries apart; the whole of it is in the tooltip."""
        return code(f"…{row.public_id[-6:]}", title=row.public_id, one_line=True)

    @admin.display(description=gettext_lazy("Endpoint"))
    def shown_endpoint(self, row: Delivery) -> SafeString | str:
        """The URL, which leads to our page of the endpoint: only Hookpost calls it."""
        endpoint = still_there(row, "endpoint")
        if endpoint is None:
            return gettext(DELETED)
        if endpoint.deleted_at is not None:
            return url_in_two_lines(endpoint.url, title=tell("{url} (deleted)", url=endpoint.url))
        url = self.url("change", endpoint.public_id, model="endpoint")
        return link(url, url_in_two_lines(endpoint.url, title=endpoint.url), title=endpoint.url)

    @admin.display(description=gettext_lazy("Customer"))
    def shown_customer(self, row: Delivery) -> SafeString | str:
        """The customer, linked; on the staff's pages only."""
        customer = still_there(row, "customer")
        return (
            gettext(DELETED)
            if customer is None
            else link(self.url("change", customer.public_id, model="customer"), customer.name)
        )

    @admin.display(description=gettext_lazy("Last answer"))
    def shown_answer(self, row: Delivery) -> SafeString | str:
        """Status and error of the last attempt, explained in the tooltip."""
        return answer_of(row)

    @admin.display(description=gettext_lazy("Event type"))
    def shown_type(self, row: Delivery) -> SafeString:
        """What happened."""
        return dotted(row.event_type)

    @admin.display(description=gettext_lazy("Attempts"))
    def shown_attempts(self, row: Delivery) -> int:
        """Requests sent so far."""
        return row.attempts

    shown_created = moment_column(gettext_lazy("Created (UTC)"), "made_at")
