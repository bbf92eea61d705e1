"""A customer's own endpoints, inboxes among them.

What lives here: the portal's pages. What they share with staff's is in endpoints.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_noop

from deliveries.admin.endpoint import endpoint_filters
from deliveries.admin.parts.viewer import customer_of
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site
from deliveries.admin.while_typing import WhileTyping
from deliveries.models import Customer, Endpoint, EventType


@admin.register(Endpoint, site=portal_site)
class PortalEndpoint(WhileTyping, PortalAdmin[Endpoint]):
    """A customer's own endpoints."""

    may_add = may_change = may_delete = True
    columns = ("shown_url", "shown_state", "shown_health", "shown_strip", "shown_types", "description", "shown_created")
    filters = endpoint_filters.OF_BOTH_SITES
    search_help_text = gettext_noop("Part of the URL or description, or ep_ id")
    nothing_yet = gettext_noop("No endpoint is registered yet. It is a URL of yours that events are sent to.")

    def may_act(self, request: HttpRequest, act: str, row: Endpoint) -> bool:
        """Members pause; disabling is for support and for the system."""
        return act != "disable" and super().may_act(request, act, row)

    def beside(self, request: HttpRequest, row: Endpoint) -> dict[str, object]:
        """Show where the code is that checks its requests."""
        return {**super().beside(request, row), "code_url": reverse(f"{self.admin_site.name}:receiving")}

    def change_urls(self, names: Collection[str]) -> Mapping[str, str]:
        """Members read it in the catalogue; mappings are the operator's."""
        rows = EventType.objects.filter(customer=None, archived=False, name__in=names).only("id", "name")
        return {row.name: reverse(f"{self.admin_site.name}:catalogue_entry", args=[row.public_id]) for row in rows}

    def customer_for(self, request: HttpRequest) -> Customer:
        """The member's own customer, whatever the form says."""
        return customer_of(request)
