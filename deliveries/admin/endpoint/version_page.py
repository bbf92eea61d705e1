"""The page of an endpoint's version: what it is pinned to, what changed since, and moving it to another one.

What lives here: its address, the act, and what the template is given. It must not know how data is mapped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.base.acts import Question
from deliveries.admin.endpoint.payload_preview import PayloadPreviewPage
from deliveries.admin.parts.badges import moment
from deliveries.admin.parts.safe_text import readable
from deliveries.models import ApiVersion, Endpoint
from deliveries.services.catalogue.api_versions import released_versions
from deliveries.services.catalogue.version_schemas import changes_for, unreachable
from deliveries.services.common.languages import tell
from deliveries.services.common.site_links import PORTAL
from deliveries.services.endpoints import update_endpoint

MOVED = gettext_noop(
    "From the next request on, also of retries, events are sent to {url} as they look in version {name}. You can move"
    " it back at any time."
)
LEFT_OUT = gettext_noop("What is still emitted in an older version is not sent of: {names}.")


class VersionPage(PayloadPreviewPage):
    """Mixed into the pages of endpoints."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the page."""
        return [self.preview_address("versions", self.versions_view), *super().get_urls()]

    def versions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve the page of one endpoint to who may see it, where there are versions."""
        row = self.visible_row(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        pinned = pin_of(row)
        if not pinned:
            raise Http404
        found: dict[str, object] = {
            "pinned": pinned,
            "versions": self.version_lines(row, pinned),
            "acts": self.acts_for(request, row),
        }
        found |= {"payload_url": self.url("payload", row.public_id), "in_catalogue": self.admin_site.name == PORTAL}
        template, title = "hookpost/endpoint_versions.html", gettext("API version")
        return self.preview_answer(request, row, template=template, title=title, form=forms.Form(), found=found)

    def version_lines(self, row: Endpoint, pinned: str) -> list[dict[str, object]]:
        """Return the versions, the newest first, each with the types that change with it."""
        changes = changes_for(row.event_types)
        urls = self.change_urls({name for each in changes.values() for name in each})
        return [
            {
                "name": each.name,
                "meaning": readable(each.description.encode()),
                "at": moment(each.released_at),
                "is_pinned": each.name == pinned,
                "changes": [(name, urls.get(name, "")) for name in changes.get(each.name, {})],
            }
            for each in ApiVersion.objects.exclude(released_at=None).order_by("-id")
        ]

    def change_urls(self, names: Collection[str]) -> Mapping[str, str]:
        """Return where one sees how each type changes; the address may go on with a version."""
        return {name: f"{self.url('changelist', model='versionchange')}?q={name}" for name in names}

    def question(self, request: HttpRequest, act: str, row: Endpoint) -> Question | None:
        """Say what a receiver will notice of a move."""
        if act != "move":
            return super().question(request, act, row)
        name = request.POST.get("version", "")
        what = tell(MOVED, url=row.url, name=name)
        if missing := unreachable(row.event_types, start=pin_of(row), end=name):
            what += " " + tell(LEFT_OUT, names=", ".join(missing))
        title, button = tell("Move it to {name}?", name=name), gettext("Move")
        return Question(title=title, what=what, button=button, takes_reason=False)

    def act_move(self, request: HttpRequest, row: Endpoint) -> None:
        """Pin it to another version."""
        moved = update_endpoint(row, {"api_version": request.POST.get("version", "")}, actor=self.actor(request))
        messages.success(request, tell("It is pinned to {name} now.", name=moved.api_version))


def pin_of(row: Endpoint) -> str:
    """Return the version that an endpoint is pinned to; empty where there are none."""
    return row.api_version or next(iter(released_versions()), "")
