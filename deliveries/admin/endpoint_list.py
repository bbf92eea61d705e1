"""The list of endpoints: its filters and what they mean.

What lives here: what both sites' lists have in common. It must not know the page of one endpoint.
"""

from __future__ import annotations

from django.db.models import QuerySet

from deliveries.admin.endpoint_columns import EndpointColumns
from deliveries.admin.endpoint_health import with_health
from deliveries.admin.list_filters import Narrows
from deliveries.admin.pages import PageAdmin
from deliveries.models import Endpoint


class EndpointList(EndpointColumns, PageAdmin):
    """Mixed into the pages of endpoints."""

    list_select_related = ("customer", "lane")
    search_fields = ("url",)
    search_by = ("url__icontains", "uid", "description__icontains")
    nothing_yet = "No endpoint is registered yet. Customers register them in the portal, or by REST."

    def narrow(self, rows: QuerySet[Endpoint], narrows: Narrows) -> QuerySet[Endpoint]:
        """By state, by health, and by whose they are."""
        if "states" in narrows:
            rows = rows.filter(state__in=narrows["states"])
        if "health" in narrows:
            rows = rows.filter(lane__failing_since__isnull=narrows["health"] == "healthy")
        if "customer_ids" in narrows:
            rows = rows.filter(customer_id__in=narrows["customer_ids"])
        return rows

    def with_details(self, rows: list[Endpoint]) -> list[Endpoint]:
        """The health of a page of them is asked for once."""
        return with_health(rows)
