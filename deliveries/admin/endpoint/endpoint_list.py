"""The list of endpoints: its filters and what they mean.

What lives here: what both sites' lists have in common. It must not know the page of one endpoint.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, gettext_noop

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.endpoint.endpoint_columns import EndpointColumns
from deliveries.admin.failure.endpoint_health import with_health
from deliveries.admin.lists.list_filters import Narrows
from deliveries.admin.parts.strips import strip
from deliveries.models import Endpoint
from deliveries.services.catalogue.api_versions import endpoints_in
from deliveries.services.common import clock
from deliveries.services.reading.overview import strips_of


class EndpointList(EndpointColumns, PageAdmin[Endpoint]):
    """Mixed into the pages of endpoints."""

    list_select_related = ("customer", "lane")
    search_fields = ("url",)
    search_by = ("url__icontains", "uid", "description__icontains")
    nothing_yet = gettext_noop("No endpoint is registered yet. Customers register them in the portal, or by REST.")

    def narrow(self, rows: QuerySet[Endpoint], narrows: Narrows) -> QuerySet[Endpoint]:
        """By state, by health, by whose they are, by tags, and by the version that they are pinned to."""
        if "states" in narrows:
            rows = rows.filter(state__in=narrows["states"])
        if narrows.get("health") == "resting":
            rows = rows.filter(state=Endpoint.State.ENABLED, lane__rest_until__gt=clock.likely_now())
        elif "health" in narrows:
            rows = rows.filter(lane__failing_since__isnull=narrows["health"] == "healthy")
        if "customer_ids" in narrows:
            rows = rows.filter(customer_id__in=narrows["customer_ids"])
        if "tags" in narrows:
            rows = rows.filter(tags__overlap=list(narrows["tags"]))
        return endpoints_in(rows, narrows["api_version"]) if "api_version" in narrows else rows

    def with_details(self, rows: list[Endpoint]) -> list[Endpoint]:
        """The health and the last day of a page of them are asked for once."""
        strips = strips_of([row.pk for row in rows])
        for row in rows:
            row.strip = strip(strips[row.pk])  # type: ignore[attr-defined]
        return with_health(rows)

    @admin.display(description=gettext_lazy("Last 24 hours"))
    def shown_strip(self, row: Endpoint) -> SafeString:
        """A stroke for each hour: what arrived, what failed, some of each, nothing sent."""
        drawn: SafeString = row.strip  # type: ignore[attr-defined]
        return drawn
