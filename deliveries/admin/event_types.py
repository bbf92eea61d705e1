"""Event types: the operator's catalogue, and customers' own.

What lives here: the pages of both sites. It must not know the rules for names and schemas: services do.
"""

from __future__ import annotations

import json
from abc import abstractmethod

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminExpandableTextareaWidget

from deliveries.admin.base.pages import Fieldsets, PageAdmin
from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.parts.badges import NOTHING, badge, code, link
from deliveries.admin.parts.json_field import StoredJSONField
from deliveries.admin.parts.viewer import customer_of, member_of
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.models import Customer, EventType, visible
from deliveries.services.catalogue import event_types as verbs
from deliveries.services.people.brands import operator_brand

FIELDS = ("name", "description", "schema", "example", "validation", "archived")


class EventTypeForm(ServiceForm, forms.ModelForm):
    """An event type; its name never changes, because endpoints chose it by name."""

    schema = StoredJSONField(
        label=gettext_lazy("JSON Schema of data"),
        required=False,
        help_text=gettext_lazy("What data must look like. Empty: anything. The catalogue shows it."),
    )
    example = StoredJSONField(
        label=gettext_lazy("Example of data"),
        required=False,
        help_text=gettext_lazy("Shown in the catalogue and sent as test event."),
    )

    class Meta:
        model = EventType
        fields = ("name", "description", "validation", "archived")
        labels = {"customer": gettext_lazy("Customer")}
        widgets = {"description": UnfoldAdminExpandableTextareaWidget(attrs={"rows": 2})}
        help_texts = {
            "name": gettext_lazy("A dotted name, such as invoice.paid."),
            "description": gettext_lazy("When it is sent; receivers read it."),
            "validation": gettext_lazy("What happens to an event whose data does not fit the schema."),
            "archived": gettext_lazy("No longer offered to endpoints."),
        }


class EventTypePages(PageAdmin[EventType]):
    """What staff and members see alike."""

    rows = visible.event_types
    may_delete = False  # archive it: events of this type may still be in the log
    form = EventTypeForm
    list_select_related = ("customer",)
    ordering = ("name",)
    search_fields = ("name",)
    search_by = ("name__icontains", "description__icontains")
    search_help_text = gettext_noop("Part of the name or description")
    nothing_yet = gettext_noop("No event type yet. Each has an example, so that receivers know what comes.")

    def get_readonly_fields(self, request: HttpRequest, obj: EventType | None = None) -> tuple[str, ...]:
        """The name and the owner stay what they are."""
        return () if obj is None else ("name", *self.kept_fields)

    kept_fields: tuple[str, ...] = ()

    def get_fieldsets(self, request: HttpRequest, obj: EventType | None = None) -> Fieldsets:
        """Who may not change sees the JSON as text."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": ("name", "description", "shown_schema", "shown_example", "archived")}),)
        return ((None, {"fields": self.form_fields}),)

    form_fields: tuple[str, ...] = FIELDS

    @admin.display(description=gettext_lazy("Name"))
    def shown_name(self, row: EventType) -> SafeString:
        """The dotted name."""
        return code(row.name)

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: EventType) -> SafeString:
        """Whether endpoints can choose it."""
        return badge("archived", colour="warning") if row.archived else badge("offered", colour="success")

    @admin.display(description=gettext_lazy("JSON Schema of data"))
    def shown_schema(self, row: EventType) -> SafeString | str:
        """The schema with line breaks."""
        return shown_json(row.schema)

    @admin.display(description=gettext_lazy("Example of data"))
    def shown_example(self, row: EventType) -> SafeString | str:
        """The example with line breaks."""
        return shown_json(row.example)

    @abstractmethod
    def owner_of(self, request: HttpRequest, form: ModelForm) -> Customer | None:
        """Return whose event type is made."""

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> EventType:
        """Let the service store what was given."""
        fields = {name: form.cleaned_data[name] for name in FIELDS if name in form.cleaned_data}
        if change:
            return verbs.update_event_type(form.instance, fields, actor=self.actor(request))
        return verbs.create_event_type(fields, customer=self.owner_of(request, form), actor=self.actor(request))


@admin.register(EventType, site=staff_site)
class StaffEventType(EventTypePages):
    """The catalogue and what customers added."""

    columns = ("shown_name", "description", "shown_owner", "shown_validation", "shown_state")
    autocomplete_fields = ("customer",)
    form_fields = ("name", "customer", *FIELDS[1:])
    kept_fields = ("customer",)

    @admin.display(description=gettext_lazy("Validation"))
    def shown_validation(self, row: EventType) -> str:
        """What happens to an event that does not fit, in the reader's words."""
        return row.get_validation_display()

    @admin.display(description=gettext_lazy("Owner"))
    def shown_owner(self, row: EventType) -> SafeString | str:
        """The operator or a customer."""
        if row.customer is None:
            return gettext("the operator")
        return link(self.url("change", row.customer.public_id, model="customer"), row.customer.name)

    def owner_of(self, request: HttpRequest, form: ModelForm) -> Customer | None:
        """As chosen; empty is the operator."""
        customer: Customer | None = form.cleaned_data.get("customer")
        return customer


@admin.register(EventType, site=portal_site)
class PortalEventType(EventTypePages, PortalAdmin[EventType]):
    """The operator's catalogue to read, and the customer's own to edit."""

    may_add = may_change = True
    columns = ("shown_name", "description", "shown_owner", "shown_state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventType]:
        """Leave out what the operator archived."""
        rows = super().get_queryset(request)
        return rows.exclude(customer=None, archived=True)

    def may_see(self, request: HttpRequest, obj: EventType | None) -> bool:
        """The operator's event types are for all to see."""
        is_offered = obj is not None and obj.customer_id is None
        return self.owns(request, obj) or (member_of(request) is not None and is_offered)

    @admin.display(description=gettext_lazy("Owner"))
    def shown_owner(self, row: EventType) -> str:
        """Ours or yours."""
        return operator_brand().name if row.customer_id is None else gettext("your own")

    def owner_of(self, request: HttpRequest, form: ModelForm) -> Customer:
        """The member's own customer, whatever the form says."""
        return customer_of(request)


def shown_json(value: object) -> SafeString | str:
    """Return JSON as preformatted text."""
    if value is None:
        return NOTHING
    return format_html('<pre class="hp-pre">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
