"""What pages of an endpoint share that try settings on its last events and change nothing.

What lives here: their addresses, their answers, and what is refused standing at its field. It must not know what is
tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from deliveries.admin.base.acts import sentence
from deliveries.admin.endpoint.endpoint_live import EndpointLive
from deliveries.admin.parts.rendering import page_of
from deliveries.errors import InvalidInput, TooManyAtOnce, Unavailable
from deliveries.models import Endpoint


class PreviewPages(EndpointLive):
    """Mixed into the pages of endpoints."""

    def preview_address(self, name: str, view: Callable[[HttpRequest, str], HttpResponse]) -> URLPattern:
        """Return the address of a page below an endpoint's."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=full_name)

    def visible_row(self, request: HttpRequest, object_id: str) -> Endpoint:
        """Return the endpoint; raises Http404, and PermissionDenied for who may not see it."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        return row

    def preview_answer(
        self,
        request: HttpRequest,
        row: Endpoint,
        *,
        template: str,
        title: str,
        form: forms.Form,
        found: dict[str, object],
    ) -> HttpResponse:
        """Return the page, which nobody keeps."""
        context = {"title": title, **self.about(row, title), **found, "endpoint": row, "form": form}
        return page_of(self.admin_site, request, template, context, headers={"Cache-Control": "no-store"})


@contextmanager
def refusals_at(form: forms.Form) -> Iterator[None]:
    """Within it, what is refused ends the block and stands at its field."""
    try:
        yield
    except InvalidInput as error:
        form.add_error(error.field if error.field in form.fields else None, error.detail)
    except (Unavailable, TooManyAtOnce) as error:
        form.add_error(None, sentence(error))
