"""How an event type changes with a version of the API: its schema, its example, the mappings, and trying them.

What lives here: the staff's pages. It must not know the rules for schemas and mappings, nor how they are evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from deliveries.admin.api_versions import prepared_or_released, state_of
from deliveries.admin.base.pages import Fieldsets, PageAdmin
from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.endpoint.preview_pages import refusals_at
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.parts.highlight import coloured_json
from deliveries.admin.parts.json_field import StoredJSONField
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.site.sites import staff_site
from deliveries.models import EventType, VersionChange, visible
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.events.transformation import LENGTH_LIMIT
from deliveries.protocol.writing import ids
from deliveries.services.catalogue import api_versions as verbs
from deliveries.services.catalogue.version_preview import PreviewedMapping, preview_change

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

MAPPED = ("schema", "example", "down", "up")


def _mapping(label: StrPromise, help_text: StrPromise) -> forms.CharField:
    """Return the field of an expression over data."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=LENGTH_LIMIT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "class": "hp-wide hp-code"}),
        help_text=help_text,
    )


class MappedFields(forms.Form):
    """What of a change can be tried, and then kept."""

    schema = StoredJSONField(label=gettext_lazy("JSON Schema of data"), required=False)
    example = StoredJSONField(label=gettext_lazy("Example of data"), required=False)
    down = _mapping(
        gettext_lazy("Mapping down"),
        gettext_lazy("JMESPath over data, to the version before. @: it is the same. Empty: nobody has said."),
    )
    up = _mapping(
        gettext_lazy("Mapping up"),
        gettext_lazy("JMESPath over data, from the version before. Empty: older events are not sent in this version."),
    )

    def mapped(self) -> dict[str, object]:
        """Return what services take."""
        return {name: self.cleaned_data[name] for name in MAPPED}


class VersionChangeForm(ServiceForm, MappedFields, forms.ModelForm):
    """A change; version and event type stay what they are."""

    version = forms.ChoiceField(label=gettext_lazy("API version"), widget=UnfoldAdminSelectWidget())
    event_type = forms.ChoiceField(label=gettext_lazy("Event type"), widget=UnfoldAdminSelectWidget())
    force = forms.BooleanField(
        label=gettext_lazy("Although the schema may break receivers"), required=False, widget=UnfoldBooleanWidget()
    )

    class Meta:
        model = VersionChange
        fields = ()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.initial.update({name: getattr(self.instance, name) for name in MAPPED})
        if not self.instance._state.adding:
            del self.fields["version"], self.fields["event_type"]
            return
        names = EventType.objects.filter(customer=None).order_by("name").values_list("name", flat=True)
        for name, choices in (("version", prepared_or_released()), ("event_type", [(each, each) for each in names])):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = choices


@admin.register(VersionChange, site=staff_site)
class StaffVersionChange(PageAdmin[VersionChange]):
    """All changes of all versions."""

    rows = visible.version_changes
    form = VersionChangeForm
    columns = ("event_type", "version", "shown_changed")
    ordering = ("-id",)
    list_select_related = ("version",)
    search_fields = ("event_type",)
    search_by = ("event_type__icontains", "version__name__icontains")
    search_help_text = gettext_noop("Part of an event type, or a version")
    nothing_yet = gettext_noop("No event type changes with a version yet. A version's page declares it.")
    change_form_template = "hookpost/version_change.html"

    shown_changed = moment_column(gettext_lazy("Changed"), "updated_at")

    def get_fieldsets(self, request: HttpRequest, obj: VersionChange | None = None) -> Fieldsets:
        """Version and type are chosen once; a schema that is in force may need to be forced."""
        may_force = ("force",) if obj is not None and obj.version.released_at else ()
        return ((None, {"fields": ("version", "event_type", *MAPPED) if obj is None else (*MAPPED, *may_force)}),)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that tries mappings."""
        page = self.admin_site.admin_view(self.preview_view)
        return [path("<path:object_id>/preview/", page, name="deliveries_versionchange_preview"), *super().get_urls()]

    def beside(self, request: HttpRequest, row: VersionChange) -> dict[str, object]:
        """Return of what it is a change; its trail is that of its version."""
        return {
            "title": gettext("Change with a version"),
            "subtitle": f"{row.event_type}, {row.version.name}",
            "row": row,
            "state": state_of(row.version),
            "version_url": self.url("change", row.version.public_id, model="apiversion"),
            "preview_url": self.url("preview", row.public_id),
            "show_history": False,
        }

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the mappings make of examples and the last events; a POST brings others, and changes nothing."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        own = {name: getattr(row, name) for name in ("down", "up")}
        own |= {name: _text(getattr(row, name)) for name in ("schema", "example")}
        form = MappedFields(request.POST if request.method == "POST" else own)
        results: list[dict[str, object]] = []
        if form.is_valid():
            with refusals_at(form):
                results = [_line(each) for each in preview_change(row.version, row.event_type, form.mapped())]
        context = {
            "title": gettext("What the mappings make"),
            "subtitle": f"{row.event_type}, {row.version.name}",
            "form": form,
            "results": results,
            "back_url": self.page_url(row),
            "opts": self.opts,
        }
        headers = {"Cache-Control": "no-store"}
        return page_of(self.admin_site, request, "hookpost/mapping_preview.html", context, headers=headers)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        """Begin with the version whose page led here."""
        return {"version": request.GET.get("version", "")}

    def save_form(self, request: HttpRequest, form: VersionChangeForm, change: bool) -> VersionChange:
        """Let the service store what was given; of what is declared already another page tells."""
        version, event_type = form.instance.version if change else None, form.instance.event_type
        if version is None:
            version = visible.api_versions(self.viewer(request)).get(pk=form.cleaned_data["version"])
            event_type = form.cleaned_data["event_type"]
            verbs.refuse_declared(version, event_type)
        fields = {name: value for name, value in form.mapped().items() if not change or value != form.initial[name]}
        force = bool(form.cleaned_data.get("force"))
        return verbs.save_change(version, event_type, fields, actor=self.actor(request), force=force)

    def has_delete_permission(self, request: HttpRequest, obj: VersionChange | None = None) -> bool:
        """Of a version that was released nothing is forgotten."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.version.released_at is None)

    def delete_model(self, request: HttpRequest, obj: VersionChange) -> None:
        """Forget it, by the service."""
        verbs.delete_change(obj, actor=self.actor(request))

    def gone_with(self, row: VersionChange) -> str:
        """Name what goes."""
        return f"{row.event_type}, {row.version.name}"


def _text(value: object) -> str:
    return "" if value is None else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _line(made: PreviewedMapping) -> dict[str, object]:
    """Return one result as the template shows it."""
    return {
        "event": made.event_id and ids.encode_id(ids.EVENT, made.event_id),
        "is_down": made.direction == "down",
        "before": "" if made.before is None else coloured_json(orjson.dumps(made.before)),
        "after": "" if made.error else coloured_json(orjson.dumps(made.after)),
        "says": EXPLANATIONS.get(made.error, ""),
        "detail": made.detail,
        "violations": made.violations,
    }
