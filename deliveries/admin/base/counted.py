"""How many an act upon all of them would be about, beside its button: asked for once a page is there.

What lives here: the number as pages.js shows it, and as a button says it, and where a row's page asks for it. It must
not know who is counted.
"""

from __future__ import annotations

from abc import abstractmethod

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.translation import gettext

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.parts.paging import Row
from deliveries.services.common.languages import tell
from deliveries.services.resending.candidates import Count

LIST_LOOKS = 2  # what asks before it begins counts further


class CountedPages(PageAdmin[Row]):
    """Pages of rows that stand for many deliveries."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of how many would be sent again."""
        view = self.admin_site.admin_view(self.count_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_count"
        return [path("<path:object_id>/count/", view, name=name), *super().get_urls()]

    @abstractmethod
    def count_again(self, row: Row) -> Count:
        """Return how many of a row would be sent again, as far as a list counts."""

    def count_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Tell how many would be sent again."""
        row = self.row_or_404(request, object_id)
        if not self.may_act(request, "redeliver", row):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        return number_of(self.count_again(row))


def number_of(count: Count) -> HttpResponse:
    """Answer how many they are; where counting stopped early, that they are more."""
    return HttpResponse(
        in_number(count), content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"}
    )


def in_number(count: Count) -> str:
    """Return how many they are in a few characters."""
    return tell("{number}" if count.is_complete else "{number}+", number=count.number)


def redeliver_words(count: Count) -> str:
    """Return what a button says that sends all of them again: their number, unless they are more than were counted."""
    if not count.is_complete:
        return gettext("Redeliver all of them")
    return tell("Redeliver {number}", number=count.number)
