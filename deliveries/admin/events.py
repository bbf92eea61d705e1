"""Events: what internal services emitted, and where each went.

What lives here: the pages of both sites, for looking only. It must not know how events are accepted.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from deliveries.admin import list_filters
from deliveries.admin.badges import answer_of, badge, code, moment
from deliveries.admin.delivery_columns import CustomerLink, still_there
from deliveries.admin.paging import KeysetChangeList
from deliveries.admin.portal_base import PortalAdmin
from deliveries.admin.readonly import ReadOnlyPages
from deliveries.admin.safe_text import pretty_json
from deliveries.admin.sites import portal_site, staff_site
from deliveries.models import Event, visible
from deliveries.models.log import EVERYONES

SHOWN_DELIVERIES = 100


class EventPages(ReadOnlyPages):
    """What staff and members see alike."""

    rows = visible.events
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("id",)
    search_help_text = "evt_ id (the webhook-id), or a UUID"
    list_filter_submit = True
    change_form_template = "hookpost/event.html"
    fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Lists do not read bodies; a join would hide what outlived its customer."""
        return super().get_queryset(request).prefetch_related("customer").defer("body")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """Pages by key."""
        return KeysetChangeList

    @admin.display(description="Event")
    def shown_id(self, row: Event) -> SafeString:
        """The id that receivers see as webhook-id."""
        return code(row.public_id)

    @admin.display(description="Type")
    def shown_type(self, row: Event) -> SafeString:
        """The event type."""
        return code(row.type)

    @admin.display(description="Accepted")
    def shown_created(self, row: Event) -> SafeString | str:
        """When it was accepted."""
        return moment(row.made_at)

    def beside(self, request: HttpRequest, row: Event) -> dict[str, Any]:
        """Return what the page shows besides the row."""
        found = visible.deliveries(self.viewer(request)).filter(event_id=row.pk).prefetch_related("endpoint")
        deliveries = [
            {
                "url": self.url("change", each.public_id, model="delivery"),
                "row": each,
                "endpoint": still_there(each, "endpoint"),
                "state": badge(each.state),
                "answer": answer_of(each),
            }
            for each in found.order_by("id")[:SHOWN_DELIVERIES]
        ]
        return {
            **super().beside(request, row),
            "title": f"Event {row.public_id}",
            "subtitle": None,
            "event": row,
            "customer": still_there(row, "customer"),
            "is_for_everyone": row.customer_id == EVERYONES,
            "deliveries": deliveries,
            "body": pretty_json(bytes(row.body)),
            "body_bytes": len(row.body),
        }


@admin.register(Event, site=staff_site)
class StaffEvent(CustomerLink, EventPages):
    """All events, for support."""

    list_display = ("shown_id", "shown_type", "shown_customer", "shown_created")
    list_filter = (
        list_filters.CustomerFilter,
        list_filters.EventsTypeFilter,
        list_filters.WindowFilter,
        list_filters.PeriodFilter,
    )

    @admin.display(description="Customer")
    def shown_customer(self, row: Event) -> SafeString:
        """The customer, linked."""
        return self.customer_link(row)


@admin.register(Event, site=portal_site)
class PortalEvent(EventPages, PortalAdmin):
    """A customer's own events."""

    list_display = ("shown_id", "shown_type", "shown_created")
    list_filter = (list_filters.EventsTypeFilter, list_filters.WindowFilter, list_filters.PeriodFilter)
