"""Pages that keep themselves up to date: a part of theirs asks for itself, and is sent when there is news.

What lives here: the address of that part, who may ask, and the answer that nothing is new. It must not know any noun.
"""

from __future__ import annotations

from abc import abstractmethod
from hashlib import sha256
from typing import ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.parts.paging import Row

NOTHING_NEW = 204


class LivePages(PageAdmin[Row]):
    """Pages of rows with a part that changes by itself."""

    live_template: ClassVar[str]

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the part."""
        live = self.admin_site.admin_view(self.live_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_live"
        return [path("<path:object_id>/live/", live, name=name), *super().get_urls()]

    @abstractmethod
    def live_context(self, request: HttpRequest, row: Row) -> dict[str, object]:
        """Return what the part shows as of now, with the `mark` that tells this state from others."""

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve the part, or say that it is as it was."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        context = self.live_context(request, row)
        if request.GET.get("mark") == context["mark"]:
            return HttpResponse(status=NOTHING_NEW)
        request.current_app = self.admin_site.name
        answer = TemplateResponse(request, self.live_template, {**context, "is_part": True})
        answer.headers["Cache-Control"] = "no-store"
        return answer


def mark_of(*told: object) -> str:
    """Return what tells one state of a part from another, the same in every process."""
    return sha256(repr(told).encode()).hexdigest()[:16]
