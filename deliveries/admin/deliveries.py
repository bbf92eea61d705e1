"""Deliveries: the list, one with its attempts, redelivery by hand.

What lives here: the pages of both sites. It must not know how a delivery is sent again.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from deliveries.actors import wake
from deliveries.admin import list_filters
from deliveries.admin.acts import sentence
from deliveries.admin.delivery_columns import CustomerLink, DeliveryColumns
from deliveries.admin.delivery_page import DeliveryPage
from deliveries.admin.export import ExportPages, FoundRows
from deliveries.admin.groups import REDELIVER
from deliveries.admin.pages import read_id
from deliveries.admin.paging import KeysetChangeList
from deliveries.admin.portal_base import PortalAdmin
from deliveries.admin.sites import portal_site, staff_site
from deliveries.admin.waiting import WaitingChangeList
from deliveries.errors import HookpostError
from deliveries.models import Customer, Delivery, Endpoint, visible
from deliveries.protocol import ids
from deliveries.services.redelivery import redeliver

BULK_LIMIT = 200


class DeliveryPages(ExportPages, DeliveryColumns, DeliveryPage):
    """What staff and members see alike."""

    rows = visible.deliveries
    actions = ("redeliver_selected",)
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("id",)
    search_help_text = "dlv_, evt_ or ep_ id, or a UUID"
    list_filter_submit = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """With endpoint and customer, by statements of their own: a join would hide what outlived its customer."""
        return super().get_queryset(request).prefetch_related("endpoint", "customer")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """Pages by key; for an export, the rows alone."""
        return FoundRows if request.path.endswith("/export/") else WaitingChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Deliveries come from events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """The log is written once."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """The log ends by retention."""
        return False

    def may_redeliver(self, request: HttpRequest) -> bool:
        """Say whether the person may send deliveries again."""
        return True

    def may_act(self, request: HttpRequest, act: str, row: Any) -> bool:
        """Sending again has a permission of its own; the URL is the endpoint's."""
        return self.may_redeliver(request) if act == "redeliver" else self.may_change_endpoint(request, row)

    def may_change_endpoint(self, request: HttpRequest, row: Delivery) -> bool:
        """Say whether the person may change the endpoint of a delivery."""
        page = self.admin_site._registry[Endpoint]
        return page.has_change_permission(request, row.endpoint)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the bulk action to those who may use it."""
        return super().get_actions(request) if self.may_redeliver(request) else {}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the ids that a delivery carries; each has an index."""
        term = search_term.strip()
        return (queryset.filter(condition_for(term)) if term else queryset), False

    @admin.action(description="Redeliver selected deliveries")
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        """Ask for a reason first, then send the chosen deliveries again."""
        if not self.may_redeliver(request):
            raise PermissionDenied
        chosen = list(queryset.order_by("-id")[:BULK_LIMIT])
        if request.POST.get("confirmed") != "yes":
            return self.ask_for_reason(request, chosen)
        sent, refused = self.redeliver_each(request, chosen)
        if sent:
            messages.success(request, f"{sent} {'delivery is' if sent == 1 else 'deliveries are'} being sent again.")
        for text, number in refused.items():
            messages.warning(request, f"Not sent again ({number}): {text}")
        return HttpResponseRedirect(request.get_full_path())

    def ask_for_reason(self, request: HttpRequest, chosen: list[Delivery]) -> TemplateResponse:
        """Show what was chosen, with a field for the reason."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Redeliver",
            "opts": self.opts,
            "chosen": chosen,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "hookpost/redeliver_selected.html", context)

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

    list_display = (
        "shown_id",
        "shown_state",
        "event_type",
        "shown_customer",
        "shown_endpoint",
        "shown_attempts",
        "shown_answer",
        "shown_created",
        "shown_next",
    )
    list_filter = (
        list_filters.StateFilter,
        list_filters.CustomerFilter,
        list_filters.EndpointFilter,
        list_filters.TypeFilter,
        list_filters.WindowFilter,
        list_filters.PeriodFilter,
        list_filters.ErrorFilter,
    )
    search_help_text = "dlv_, evt_, ep_ or cus_ id, a UUID, or the uid of a customer"

    def may_redeliver(self, request: HttpRequest) -> bool:
        """A permission of its own."""
        return request.user.has_perm(REDELIVER)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by a customer's uid too."""
        customer = Customer.objects.filter(uid=search_term.strip()).values_list("id", flat=True).first()
        if customer is not None:
            return queryset.filter(customer_id=customer), False
        return super().get_search_results(request, queryset, search_term)

    def beside(self, request: HttpRequest, row: Delivery) -> dict[str, Any]:
        """Link the customer too."""
        return {**super().beside(request, row), "customer_link": self.customer_link(row)}


@admin.register(Delivery, site=portal_site)
class PortalDelivery(DeliveryPages, PortalAdmin):
    """A customer's own deliveries."""

    list_display = (
        "shown_id",
        "shown_state",
        "event_type",
        "shown_endpoint",
        "shown_attempts",
        "shown_answer",
        "shown_created",
        "shown_next",
    )
    list_filter = (
        list_filters.StateFilter,
        list_filters.EndpointFilter,
        list_filters.TypeFilter,
        list_filters.WindowFilter,
        list_filters.PeriodFilter,
        list_filters.ErrorFilter,
    )


def condition_for(term: str) -> Q:
    """Return where to look for an id that somebody pasted."""
    columns = {ids.DELIVERY: "id", ids.EVENT: "event_id", ids.ENDPOINT: "endpoint_id", ids.CUSTOMER: "customer_id"}
    prefix = term.partition("_")[0] if "_" in term else ""
    chosen = {prefix: columns[prefix]} if prefix in columns else columns if not prefix else {}
    found = Q(pk__in=[])
    for known, column in chosen.items():
        key = read_id(known, term)
        if key is not None:
            found |= Q(**{column: key})
    return found
