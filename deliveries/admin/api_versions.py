"""Versions of the API: prepared, tried, released; and which endpoints are pinned to which.

What lives here: the staff's pages of versions. How one event type changes is in version_changes.py. It must not know
the rules for names and releases: services do.
"""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminExpandableTextareaWidget

from deliveries.admin.base.acts import Question
from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.base.service_form import ServiceForm
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.parts.badges import badge
from deliveries.admin.site.sites import staff_site
from deliveries.models import ApiVersion, visible
from deliveries.models.visible import OPERATOR
from deliveries.services.catalogue import api_versions as verbs
from deliveries.services.common.languages import tell

RELEASED = gettext_noop(
    "From now on what is emitted without a version is in {name}, and new endpoints are pinned to it. Endpoints that are"
    " there stay with their version. A release is never taken back."
)


class ApiVersionForm(ServiceForm, forms.ModelForm):
    """A version; its name stands in receivers' code and never changes."""

    class Meta:
        model = ApiVersion
        fields = ("name", "description")
        labels = {"name": gettext_lazy("Name"), "description": gettext_lazy("Description")}
        widgets = {"description": UnfoldAdminExpandableTextareaWidget()}
        help_texts = {
            "name": gettext_lazy("Such as 2026-11-01. It is never changed."),
            "description": gettext_lazy("What is different; customers read it."),
        }


@admin.register(ApiVersion, site=staff_site)
class StaffApiVersion(PageAdmin[ApiVersion]):
    """All versions, the newest first."""

    rows = visible.api_versions
    form = ApiVersionForm
    acts = ("release",)
    columns = ("name", "shown_state", "shown_released", "description")
    fields = ("name", "description")
    search_fields = ("name",)
    search_by = ("name__icontains", "description__icontains")
    search_help_text = gettext_noop("Part of the name or description")
    nothing_yet = gettext_noop(
        "No version yet: events are sent as they are emitted. The first one is a name for what there is today."
    )
    change_form_template = "hookpost/api_version.html"

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: ApiVersion) -> SafeString:
        """Whether events are emitted in it."""
        return state_of(row)

    shown_released = moment_column(gettext_lazy("Released"), "released_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiVersion | None = None) -> tuple[str, ...]:
        """The name stays what it is."""
        return () if obj is None else ("name",)

    def beside(self, request: HttpRequest, row: ApiVersion) -> dict[str, object]:
        """Return what changes with the version, and who is pinned to it."""
        changes = [(each, self.url("change", each.public_id, model="versionchange")) for each in row.changes.all()]
        is_open = not (is_oldest := verbs.is_oldest(row)) and self.has_change_permission(request, row)
        return {
            "title": gettext("API version"),
            "subtitle": row.name,
            "version": row,
            "state": state_of(row),
            "pinned": verbs.endpoints_in(visible.endpoints(OPERATOR), row.name).count(),
            "endpoints_url": f"{self.url('changelist', model='endpoint')}?api_version={row.name}",
            "changes": changes,
            "unmapped": [] if row.released_at else [each.event_type for each, _ in changes if not each.down],
            "is_oldest": is_oldest,
            "add_url": f"{self.url('add', model='versionchange')}?version={row.pk}" if is_open else "",
            "history_url": self.url("history", row.public_id),
            "acts": self.acts_for(request, row),
        }

    def may_act(self, request: HttpRequest, act: str, row: ApiVersion) -> bool:
        """What was released is not released again."""
        return super().may_act(request, act, row) and (request.method == "POST" or row.released_at is None)

    def question(self, request: HttpRequest, act: str, row: ApiVersion) -> Question | None:
        """Say what a release does to whom."""
        title, what = tell("Release {name}?", name=row.name), tell(RELEASED, name=row.name)
        return Question(title=title, what=what, button=gettext("Release"), takes_reason=False)

    def act_release(self, request: HttpRequest, row: ApiVersion) -> None:
        """Make it the newest."""
        verbs.release_version(row, actor=self.actor(request), force=request.POST.get("force") == "on")
        messages.success(request, tell("{name} is released.", name=row.name))

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> ApiVersion:
        """Let the service store what was given."""
        fields = {name: form.cleaned_data[name] for name in self.fields if name in form.cleaned_data}
        if change:
            return verbs.update_version(form.instance, fields, actor=self.actor(request))
        return verbs.create_version(fields, actor=self.actor(request))

    def has_delete_permission(self, request: HttpRequest, obj: ApiVersion | None = None) -> bool:
        """One that was released stays: events are in it, and endpoints pinned to it."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.released_at is None)

    def delete_model(self, request: HttpRequest, obj: ApiVersion) -> None:
        """Forget one that is being prepared, by the service."""
        verbs.delete_version(obj, actor=self.actor(request))

    def gone_with(self, row: ApiVersion) -> str:
        """Name what goes."""
        return tell("{name} and its changes", name=row.name)


def state_of(row: ApiVersion) -> SafeString:
    """Return whether a version was released, as a badge."""
    return badge("in preparation", colour="warning") if row.released_at is None else badge("released", colour="success")


def prepared_or_released() -> list[tuple[str, str]]:
    """Return the versions that changes can be declared for, the newest first: all but the oldest."""
    rows = list(visible.api_versions(OPERATOR).order_by("-id"))
    return [(str(row.pk), row.name) for row in rows[:-1]]
