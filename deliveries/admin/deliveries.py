"""Deliveries: the list, one with its attempts, redelivery by hand.

What lives here: the pages of both sites. It must not know how a delivery is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, gettext_noop

from deliveries.actors import wake
from deliveries.admin.base.acts import sentence
from deliveries.admin.base.export import ExportPages
from deliveries.admin.base.readonly import ReadOnlyPages
from deliveries.admin.delivery.delivery_columns import CustomerLink, DeliveryColumns
from deliveries.admin.delivery.delivery_list import asks_for_waiting, source_of
from deliveries.admin.delivery.delivery_page import DeliveryPage
from deliveries.admin.delivery.redeliver_all import RedeliverAllPages
from deliveries.admin.delivery.waiting import with_waiting
from deliveries.admin.lists import log_filters
from deliveries.admin.lists.asked import Asked
from deliveries.admin.lists.owner_filters import CustomerFilter, EndpointFilter, OwnEndpointFilter
from deliveries.admin.lists.tag_filter import TagFilter
from deliveries.admin.parts.paging import Source
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.errors import HookpostError
from deliveries.models import Customer, Delivery, Endpoint, visible
from deliveries.services.common.languages import tell, tell_number
from deliveries.services.people.role_groups import REDELIVER
from deliveries.services.resending.redelivery import redeliver

if TYPE_CHECKING:
    from deliveries.admin.site.site_base import HookpostSite

BULK_LIMIT = 200
OTHER_FILTERS = (
    log_filters.TypeFilter,
    TagFilter,
    log_filters.WindowFilter,
    log_filters.PeriodFilter,
    log_filters.ErrorFilter,
    log_filters.StatusFilter,
)


class DeliveryPages(RedeliverAllPages, ExportPages, DeliveryColumns, DeliveryPage, ReadOnlyPages[Delivery]):
    """What staff and members see alike."""

    rows = visible.deliveries
    list_template = "hookpost/delivery_list.html"
    bulk_acts = (("redeliver_selected", gettext_noop("Redeliver selected")),)
    nothing_yet = gettext_noop(
        "Nothing was delivered yet. Emit an event by REST, or send a test event from an endpoint's page."
    )
    search_fields = ("id",)
    search_help_text = gettext_noop("dlv_, evt_ or ep_ id, or a UUID")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """With endpoint and customer, by statements of their own: a join would hide what outlived its customer."""
        return super().get_queryset(request).prefetch_related("endpoint", "customer")

    def sources(self, request: HttpRequest, asked: Asked) -> list[Source]:
        """The selection that exports and bulk work use too."""
        found = source_of(asked, viewer=self.viewer(request))
        endpoints, customers = Endpoint.objects.only("url", "deleted_at"), Customer.objects.only("name")
        beside = (Prefetch("endpoint", endpoints), Prefetch("customer", customers))
        return [replace(found, rows=found.rows.prefetch_related(*beside))]

    def beside_list(self, request: HttpRequest, asked: Asked) -> dict[str, object]:
        """Where the list can be taken along, and sent again or cancelled as a whole."""
        can_send = asked.chips and not asked.troubles and self.may_redeliver(request)
        return {
            "export_url": self.url("export") if self.may_export(request) else "",
            "redeliver_all_url": self.url("redeliver_all") if can_send else "",
            "redeliver_count_url": self.url("redeliver_all_count"),
            "cancel_count_url": self.url("cancel_all_count"),
            "cancel_all_url": self.url("cancel_all") if can_send and asks_for_waiting(asked) else "",
        }

    def may_export(self, request: HttpRequest) -> bool:
        """Say whether the person may take the list along, which the trail keeps: not who only looks."""
        return cast("HookpostSite", self.admin_site).may_post_to(request, "deliveries_delivery_export")

    def with_details(self, rows: list[Delivery]) -> list[Delivery]:
        """What they wait for is asked for once."""
        return with_waiting(rows)

    def may_redeliver(self, request: HttpRequest) -> bool:
        """Say whether the person may send deliveries again."""
        return True

    def may_act(self, request: HttpRequest, act: str, row: Delivery) -> bool:
        """Sending again has a permission of its own; the URL is the endpoint's."""
        return self.may_redeliver(request) if act == "redeliver" else self.may_change_endpoint(request, row)

    def may_change_endpoint(self, request: HttpRequest, row: Delivery) -> bool:
        """Say whether the person may change the endpoint of a delivery."""
        page = self.admin_site.get_model_admin(Endpoint)
        return page.has_change_permission(request, row.endpoint)

    def bulk_acts_for(self, request: HttpRequest) -> Sequence[tuple[str, str]]:
        """Offer the bulk act to those who may use it."""
        return self.bulk_acts if self.may_redeliver(request) else ()

    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        """Ask for a reason first, then send the chosen deliveries again."""
        chosen = list(queryset.order_by("-id")[:BULK_LIMIT])
        typed = self.wrong_why(request)
        if typed or request.POST.get("confirmed") != "yes":
            return self.ask_for_reason(request, chosen, **typed)
        sent, refused = self.redeliver_each(request, chosen)
        if sent:
            said = tell_number(
                "{number} delivery is being sent again.", "{number} deliveries are being sent again.", sent
            )
            messages.success(request, said)
        for text, number in refused.items():
            messages.warning(request, tell("Not sent again ({number}): {why}", number=number, why=text))
        return HttpResponseRedirect(request.get_full_path())

    def ask_for_reason(self, request: HttpRequest, chosen: list[Delivery], **typed: object) -> TemplateResponse:
        """Show what was chosen, with a field for the reason."""
        context = {
            "title": gettext("Redeliver"),
            "opts": self.opts,
            "chosen": chosen,
            "checkbox": ACTION_CHECKBOX_NAME,
            **typed,
        }
        return page_of(self.admin_site, request, "hookpost/redeliver_selected.html", context)

    def redeliver_each(self, request: HttpRequest, chosen: list[Delivery]) -> tuple[int, dict[str, int]]:
        """Send each again; returns how many were, and how many were refused for which cause."""
        lanes, refused, sent = set(), dict[str, int](), 0
        for row in chosen:
            try:
                lanes.update(redeliver(row, actor=self.actor(request), **self.why(request)))
                sent += 1
            except HookpostError as error:
                refused[sentence(error)] = refused.get(sentence(error), 0) + 1
        wake(lanes)
        return sent, refused


@admin.register(Delivery, site=staff_site)
class StaffDelivery(CustomerLink, DeliveryPages):
    """All deliveries, for support."""

    columns = (
        "shown_id",
        "shown_state",
        "shown_type",
        "shown_customer",
        "shown_endpoint",
        "shown_attempts",
        "shown_answer",
        "shown_created",
    )
    filters = (log_filters.StateFilter, CustomerFilter, EndpointFilter, *OTHER_FILTERS)
    search_help_text = gettext_noop("dlv_, evt_, ep_ or cus_ id, a UUID, or the uid of a customer")

    def may_redeliver(self, request: HttpRequest) -> bool:
        """A permission of its own."""
        return request.user.has_perm(REDELIVER)

    def beside(self, request: HttpRequest, row: Delivery) -> dict[str, object]:
        """Link the customer too."""
        return {**super().beside(request, row), "customer_link": self.customer_link(row)}


@admin.register(Delivery, site=portal_site)
class PortalDelivery(DeliveryPages, PortalAdmin[Delivery]):
    """A customer's own deliveries."""

    nothing_yet = gettext_noop("Nothing was delivered yet. Send a test event from an endpoint's page.")
    columns = (
        "shown_id",
        "shown_state",
        "shown_type",
        "shown_endpoint",
        "shown_attempts",
        "shown_answer",
        "shown_created",
    )
    filters = (log_filters.StateFilter, OwnEndpointFilter, *OTHER_FILTERS)

    def may_redeliver(self, request: HttpRequest) -> bool:
        """Who only looks sends nothing."""
        return self.may_work(request)
