"""What the form of an endpoint asks for while it is filled in: whether a URL is reached, what an event type looks like.

What lives here: two small answers and where the form finds them. It must not know how a URL is looked at.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext

from deliveries.admin.inbox_page import InboxPages
from deliveries.admin.parts.badges import first_large
from deliveries.admin.parts.safe_text import pretty_json
from deliveries.admin.parts.viewer import member_of
from deliveries.admin.portal.catalogue import example_body, offered_types
from deliveries.models import Endpoint
from deliveries.services.common.languages import in_words
from deliveries.services.endpoint.url_check import check_while_typing

NAME_LIMIT = 128


class WhileTyping(InboxPages):
    """Mixed into the portal's pages of endpoints."""

    def get_urls(self) -> list[URLPattern]:
        """Add both addresses."""
        guard = self.admin_site.admin_view
        return [
            path("check-url/", guard(self.check_url_view), name="deliveries_endpoint_check_url"),
            path("example/", guard(self.example_view), name="deliveries_endpoint_example"),
            *super().get_urls(),
        ]

    def check_url_view(self, request: HttpRequest) -> HttpResponse:
        """Say whether a URL can be registered and its server is reached."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        member = member_of(request)
        if member is None or not self.has_add_permission(request):
            raise PermissionDenied
        found = check_while_typing(request.POST.get("url", ""), member=member)
        return JsonResponse(
            {"is_good": found.is_good, "words": first_large(in_words(found.words))},
            headers={"Cache-Control": "no-store"},
        )

    def example_view(self, request: HttpRequest) -> HttpResponse:
        """Show the body that an event type's example makes."""
        name = request.GET.get("name", "").replace("\0", "")[:NAME_LIMIT]
        row = offered_types(request).filter(name=name).order_by("-customer_id").first()
        if row is None:
            raise Http404
        text = gettext("There is no example of it.") if row.example is None else pretty_json(example_body(row))
        return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})

    def get_form(
        self, request: HttpRequest, obj: Endpoint | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm]:
        """Tell the form's script where to ask."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "url" in form.base_fields:
            attributes = form.base_fields["url"].widget.attrs
            attributes["data-hp-ask"] = self.url("check_url")
            attributes["data-hp-examples"] = self.url("example")
        return form
