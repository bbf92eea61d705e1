"""API keys: made, shown once, revoked.

What lives here: the pages of both sites. It must not know how a key is hashed or found.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from deliveries.admin.base.acts import Question
from deliveries.admin.base.pages import Fieldsets, PageAdmin
from deliveries.admin.base.reveal import Revealed, reveal
from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.key_usage import usage_of
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.parts.badges import badge, code, link
from deliveries.admin.parts.viewer import customer_of
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.models import ApiKey, Customer, visible
from deliveries.services.common import clock
from deliveries.services.common.languages import tell
from deliveries.services.people.api_keys import create_api_key, revoke_api_key

SCOPES = {
    ApiKey.Scope.READ: gettext_noop("Read: endpoints, events, deliveries and the rest"),
    ApiKey.Scope.MANAGE: gettext_noop("Manage: set up and delete endpoints and event types; includes reading"),
    ApiKey.Scope.REDELIVER: gettext_noop("Redeliver: send again, cancel what waits"),
    ApiKey.Scope.POLL: gettext_noop("Poll: fetch what an endpoint behind a firewall is to get"),
}
SERVICE_SCOPES = {
    ApiKey.Scope.EVENTS_WRITE: gettext_noop("Emit events"),
    **SCOPES,
    ApiKey.Scope.MANAGE: gettext_noop("Manage: customers, endpoints and event types; includes reading"),
}


class ApiKeyForm(ServiceForm, forms.ModelForm):
    """A new key."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=[(scope.value, gettext_lazy(words)) for scope, words in SERVICE_SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=gettext_lazy("What it may do."),
    )
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "hp-input"}),
        help_text=gettext_lazy("Empty: it works until it is revoked."),
    )

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = ("name",)
        help_texts = {"name": gettext_lazy("What uses it, so that you know later which one to revoke.")}


class ApiKeyPages(PageAdmin[ApiKey]):
    """What staff and members see alike."""

    rows = visible.api_keys
    may_change = may_delete = False  # make another one; it is revoked, and its row stays, because the trail names it
    form = ApiKeyForm
    acts = ("revoke",)
    search_fields = ("name",)
    search_by = ("name__icontains", "hint")
    search_help_text = gettext_noop("Part of the name, the last four characters, or key_ id")
    nothing_yet = gettext_noop("No API key yet. Each program gets one, with the few scopes that it needs.")
    list_select_related = ("customer",)
    change_form_template = "hookpost/api_key.html"
    seen_fields: ClassVar[tuple[str, ...]] = (
        "name",
        "shown_hint",
        "shown_state",
        "shown_scopes",
        "shown_created",
        "shown_expires",
        "shown_used",
        "shown_revoked",
    )
    readonly_fields: ClassVar[tuple[str, ...]] = (
        *("shown_hint", "shown_state", "shown_scopes"),
        *("shown_created", "shown_expires", "shown_used", "shown_revoked"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Fieldsets:
        """A form for a new key, and what is kept of an old one."""
        return ((None, {"fields": self.add_fields if obj is None else self.seen_fields}),)

    add_fields: ClassVar[tuple[str, ...]] = ("name", "scopes", "expires_at")

    @admin.display(description=gettext_lazy("Key"))
    def shown_hint(self, row: ApiKey) -> SafeString:
        """All that is kept readable of a key."""
        return code(f"hk_…{row.hint}")

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: ApiKey) -> SafeString:
        """Whether it works."""
        if row.revoked_at is not None:
            return badge("revoked", colour="danger")
        if row.expires_at is not None and row.expires_at <= clock.likely_now():
            return badge("expired", colour="warning")
        return badge("valid", colour="success")

    @admin.display(description=gettext_lazy("Scopes"))
    def shown_scopes(self, row: ApiKey) -> str:
        """What it may do."""
        return ", ".join(row.scopes)

    shown_used = moment_column(gettext_lazy("Last used (UTC)"), "last_used_at")
    shown_created = moment_column(gettext_lazy("Created (UTC)"), "created_at")
    shown_expires = moment_column(gettext_lazy("Expires (UTC)"), "expires_at")
    shown_revoked = moment_column(gettext_lazy("Revoked (UTC)"), "revoked_at")

    def beside(self, request: HttpRequest, row: ApiKey) -> dict[str, object]:
        """Return what the page shows besides the row."""
        return {"title": gettext("API key"), "subtitle": row.name, "acts": self.acts_for(request, row)}

    def may_act(self, request: HttpRequest, act: str, row: ApiKey) -> bool:
        """Who may make a key of this customer may revoke it, once."""
        return self.has_add_permission(request) and (request.method == "POST" or row.revoked_at is None)

    def question(self, request: HttpRequest, act: str, row: ApiKey) -> Question | None:
        """Whatever uses the key stops working."""
        what = tell(
            "Requests with the key “{name}” (hk_…{hint}) are refused from that moment. It cannot be undone.",
            name=row.name,
            hint=row.hint,
        )
        return Question(title=gettext("Revoke this key?"), what=what, button=gettext("Revoke"), takes_away=True)

    def act_revoke(self, request: HttpRequest, row: ApiKey) -> None:
        """End a key at once."""
        revoke_api_key(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Revoked. Requests with this key are refused from now on."))

    @abstractmethod
    def customer_for(self, request: HttpRequest, form: ModelForm) -> Customer | None:
        """Return whose key is made."""

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> ApiKey:
        """Let the service make the key."""
        data = form.cleaned_data
        row, text = create_api_key(
            data["name"],
            data["scopes"],
            customer=self.customer_for(request, form),
            expires_at=data["expires_at"],
            actor=self.actor(request),
        )
        request.secret = text  # type: ignore[attr-defined]  # for response_add, in this request only
        return row

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key, this once."""
        page = Revealed(
            title=gettext("API key"),
            what=tell("the key “{name}”", name=obj.name),
            value=request.secret,  # type: ignore[attr-defined]
            url=self.page_url(obj),
            usage=usage_of(obj.scopes, customer=obj.customer, base=f"{request.scheme}://{request.get_host()}"),
        )
        return reveal(self, request, page)


class StaffApiKeyForm(ApiKeyForm):
    """A new key of a service or of a customer."""

    class Meta(ApiKeyForm.Meta):
        fields = ("name", "customer")
        labels: ClassVar[dict[str, object]] = {"customer": gettext_lazy("Customer")}
        help_texts = {
            **ApiKeyForm.Meta.help_texts,
            "customer": gettext_lazy(
                "Empty: a key of one of our services, for all customers. A customer's key sees nothing else."
            ),
        }


@admin.register(ApiKey, site=staff_site)
class StaffApiKey(ApiKeyPages):
    """All keys, for the operator."""

    form = StaffApiKeyForm
    columns = ("name", "shown_hint", "shown_state", "shown_owner", "shown_scopes", "shown_used", "shown_created")
    add_fields = ("name", "customer", "scopes", "expires_at")
    autocomplete_fields = ("customer",)
    seen_fields = ("shown_owner", *ApiKeyPages.seen_fields)
    readonly_fields: ClassVar[tuple[str, ...]] = ("shown_owner", *ApiKeyPages.readonly_fields)

    @admin.display(description=gettext_lazy("Customer"))
    def shown_owner(self, row: ApiKey) -> SafeString | str:
        """Whose it is."""
        if row.customer is None:
            return gettext("service key")
        return link(self.url("change", row.customer.public_id, model="customer"), row.customer.name)

    def customer_for(self, request: HttpRequest, form: ModelForm) -> Customer | None:
        """Return the customer that the form has; none for a service key."""
        customer: Customer | None = form.cleaned_data["customer"]
        return customer


class PortalApiKeyForm(ApiKeyForm):
    """A new key of one customer; events are emitted by services only."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=[(scope.value, gettext_lazy(words)) for scope, words in SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=gettext_lazy("What it may do, with your own data only."),
    )


@admin.register(ApiKey, site=portal_site)
class PortalApiKey(ApiKeyPages, PortalAdmin[ApiKey]):
    """A customer's own keys."""

    form = PortalApiKeyForm
    may_add = True
    columns = ("name", "shown_hint", "shown_state", "shown_scopes", "shown_used", "shown_created")

    def customer_for(self, request: HttpRequest, form: ModelForm) -> Customer:
        """The member's own customer, whatever the form says."""
        return customer_of(request)
