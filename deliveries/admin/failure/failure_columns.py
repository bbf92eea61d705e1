"""Columns of the list of failures.

What lives here: one small piece of a page per value of a row. It must not know the list around it.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from deliveries.admin.failure.failure_words import STATES
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.lists.listing import ListPages
from deliveries.admin.parts.badges import badge, first_large, link, url_in_two_lines
from deliveries.models import FailureGroup
from deliveries.services.common.languages import in_words, tell
from deliveries.services.resending.failure_groups import described


class FailureColumns(ListPages[FailureGroup]):
    """Mixed into the pages of failures."""

    @admin.display(description=gettext_lazy("What fails"))
    def shown_what(self, row: FailureGroup) -> str:
        """The cause, as a sentence would say it."""
        return first_large(in_words(described(row).advice.says))

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: FailureGroup) -> SafeString:
        """Whether somebody knows of it, or it is over."""
        state = described(row).state
        return badge(state, title=in_words(STATES[state]))

    @admin.display(description=gettext_lazy("Endpoint"))
    def shown_endpoint(self, row: FailureGroup) -> SafeString:
        """The URL, which leads to our page of the endpoint."""
        url = row.endpoint.url
        address = self.url("change", row.endpoint.public_id, model="endpoint")
        return link(address, url_in_two_lines(url, title=url), title=url)

    @admin.display(description=gettext_lazy("Customer"))
    def shown_customer(self, row: FailureGroup) -> SafeString:
        """The customer, linked; on the staff's pages only."""
        customer = row.endpoint.customer
        return link(self.url("change", customer.public_id, model="customer"), customer.name)

    @admin.display(description=gettext_lazy("Deliveries"))
    def shown_number(self, row: FailureGroup) -> str:
        """How many began to fail like this."""
        return tell("{number}", number=row.deliveries)

    shown_first = moment_column(gettext_lazy("Since (UTC)"), "first_at")
    shown_last = moment_column(gettext_lazy("Last"), "last_at", relative=True)
