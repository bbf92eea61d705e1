"""Customers: the tenants, each with members, endpoints and keys.

What lives here: the staff's pages. It must not know the rules for names and ids: services do.
"""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.failure.endpoint_health import health_badges, with_health
from deliveries.admin.failure.failing import failing_section
from deliveries.admin.front.overview import overview_of
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.members import reveal_link
from deliveries.admin.parts.badges import NOTHING, badge, code
from deliveries.admin.parts.json_field import StoredJSONField
from deliveries.admin.parts.pieces import joined, piece
from deliveries.admin.parts.strips import strip
from deliveries.admin.portal.brand_pages import BrandPages
from deliveries.admin.site.sites import staff_site
from deliveries.models import Customer, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.services import customers as verbs
from deliveries.services.people.members import add_member
from deliveries.services.reading.overview import Hour, strips_of

SHOWN = 50
SHOWN_OF_ENDPOINTS = (
    *("url", "state", "ordered", "draining", "lane__rest_until", "lane__rest_reason", "lane__failing_since"),
    *("lane__failures", "lane__opened"),
)
ADDRESS = '<a class="hp-link hp-code" href="{}">{}</a>'
FIELDS = ("name", "uid", "metadata")


class CustomerForm(ServiceForm, forms.ModelForm):
    """A customer."""

    metadata = StoredJSONField(required=False, help_text=gettext_lazy("Anything of your own, as a JSON object."))

    class Meta:
        model = Customer
        fields = ("name", "uid")
        labels = {"uid": gettext_lazy("Your own id")}
        help_texts = {"uid": gettext_lazy("What you call this customer: the API takes it in place of our id, as uid.")}

    def clean_uid(self) -> str | None:
        """No uid is None, which is unique any number of times."""
        return self.cleaned_data["uid"] or None

    def clean_metadata(self) -> dict[str, object]:
        """Nothing is an empty object."""
        given = self.cleaned_data["metadata"]
        if given is not None and not isinstance(given, dict):
            raise forms.ValidationError(gettext('A JSON object, such as {"plan": "pro"}.'))
        return given or {}


@admin.register(Customer, site=staff_site)
class StaffCustomer(BrandPages):
    """All customers."""

    rows = visible.customers
    stays = True
    may_delete = False  # by API only: it takes the log's names with it
    form = CustomerForm
    acts = ("add-member",)
    columns = ("name", "shown_uid", "shown_id", "shown_created")
    fields = FIELDS
    search_fields = ("name",)
    search_by = ("uid", "name__icontains")
    search_help_text = gettext_noop("Part of the name, uid, or cus_ id")
    nothing_yet = gettext_noop("No customer yet. Add one here, or by REST: PUT /customers/{uid}.")
    change_form_template = "hookpost/customer.html"

    @admin.display(description="uid")
    def shown_uid(self, row: Customer) -> str:
        """The caller's own id."""
        return row.uid or NOTHING

    @admin.display(description=gettext_lazy("Id"))
    def shown_id(self, row: Customer) -> SafeString:
        """The TypeID."""
        return code(row.public_id, one_line=True)

    shown_created = moment_column(gettext_lazy("Created (UTC)"), "created_at")

    response_post_save_add = BrandPages.response_post_save_change  # members are added there

    def beside(self, request: HttpRequest, row: Customer) -> dict[str, object]:
        """Return what belongs to the customer."""
        viewer = Viewer(customer_id=row.pk)
        url = f"{self.url('changelist', model='delivery')}?customer={row.public_id}"
        members = visible.members(viewer).select_related("user").order_by("id")[:SHOWN]
        rows = visible.endpoints(viewer).select_related("lane").only(*SHOWN_OF_ENDPOINTS)
        endpoints = with_health(rows.order_by("id")[:SHOWN])
        hours = strips_of([each.pk for each in endpoints])
        return {
            "title": gettext("Customer"),
            "subtitle": row.name,
            "customer": row,
            "members": [(each, self.url("change", each.public_id, model="member")) for each in members],
            "endpoints": [self.shown_endpoint(each, hours[each.pk]) for each in endpoints],
            "deliveries_url": url,
            "overview": overview_of(viewer, url=url, asked=request.GET.get("span", "")),
            "failing": failing_section(self, viewer),
            "brand_url": self.url("brand", row.public_id) if self.has_change_permission(request, row) else "",
            "acts": self.acts_for(request, row),
        }

    def shown_endpoint(self, row: Endpoint, hours: Sequence[Hour]) -> SafeString:
        """Return one endpoint as the page shows it, with its last day."""
        url = self.url("change", row.public_id, model="endpoint")
        cells = (piece(ADDRESS, url, row.url), badge(row.state), health_badges(row), strip(hours))
        return piece("<tr>{}</tr>", joined("<td>{}</td>", ((cell,) for cell in cells)))

    def may_act(self, request: HttpRequest, act: str, row: Customer) -> bool:
        """Adding members has a permission of its own."""
        return request.user.has_perm("deliveries.add_member")

    def act_add_member(self, request: HttpRequest, row: Customer) -> HttpResponse:
        """Create a user who is a member, and show the link for the first log-in."""
        username = request.POST.get("username", "").strip()
        email = request.POST.get("email", "").strip()
        member = add_member(row, username, email=email, actor=self.actor(request))
        return reveal_link(self, request, member, back=self.page_url(row))

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Customer:
        """Let the service store what was given."""
        fields = {name: form.cleaned_data[name] for name in FIELDS}
        if change:
            return verbs.update_customer(form.instance, fields, actor=self.actor(request))
        return verbs.create_customer(fields, actor=self.actor(request))
