"""Lists: newest first, a page at a time, without counting.

What lives here: Django's change list with pages by key, so that page 1,000 of 5,000,000 rows costs what
page 1 costs. It must not know which rows are listed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from deliveries.services.statement_timeout import TooSlow, at_most

LIST_SECONDS = 5
TOO_SLOW = "This search takes too long. Narrow it by time, customer or endpoint."


class PlainChangeList(ChangeList):
    """A change list whose title is the plural noun."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.title = str(self.opts.verbose_name_plural).capitalize()

    def get_results(self, request: HttpRequest) -> None:
        """Count once: Unfold shows a second number only where it differs."""
        super().get_results(request)
        self.full_result_count = self.result_count

    def url_for_result(self, result: Any) -> str:
        """Link a row by its TypeID."""
        return str(
            self.model_admin.page_url(result) if hasattr(result, "public_id") else super().url_for_result(result)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    """What the template of the page links needs; the names that Django expects of a paginator."""

    newer: str = ""
    older: str = ""
    count: int = 0
    per_page: int = 0
    num_pages: int = 1
    template_name: str = "hookpost/newer_older.html"
    page_range: list[int] = field(default_factory=list)


class KeysetChangeList(PlainChangeList):
    """Newest first by id; `p=older-<id>` and `p=newer-<id>` name the pages."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        """No column but the key is sorted by."""
        return ["-id"]

    def get_ordering_field_columns(self) -> dict[int, str]:
        """No column shows an arrow."""
        return {}

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page and one row more, which says whether there is another page."""
        direction, bound = read_place(request.GET.get(PAGE_VAR, ""))
        try:
            with at_most(seconds=LIST_SECONDS):
                rows = list(self.rows_from(direction, bound))
        except TooSlow:
            messages.warning(request, TOO_SLOW)
            rows = []
        more = len(rows) > self.list_per_page
        rows = rows[: self.list_per_page]
        if direction == "newer":
            rows.reverse()
        self.show_page(rows, has_newer=bool(bound) and (direction == "older" or more), more=more, direction=direction)

    def rows_from(self, direction: str, bound: UUID | None) -> QuerySet[Any]:
        """Return the rows on one side of an id, nearest first, one more than a page."""
        queryset: QuerySet[Any] = self.queryset
        if bound is not None:
            queryset = queryset.filter(id__lt=bound) if direction == "older" else queryset.filter(id__gt=bound)
        return queryset.order_by("-id" if direction == "older" else "id")[: self.list_per_page + 1]

    def show_page(self, rows: list[Any], *, has_newer: bool, more: bool, direction: str) -> None:
        """Set what Django's templates read."""
        has_older = more if direction == "older" else True
        self.paginator = KeyPage(
            newer=self.place("newer", rows[0].pk) if has_newer and rows else "",
            older=self.place("older", rows[-1].pk) if has_older and rows else "",
            count=len(rows),
            per_page=self.list_per_page,
        )
        self.result_list, self.result_count = rows, len(rows)
        self.full_result_count, self.show_full_result_count = len(rows), False
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False

    def place(self, direction: str, bound: UUID) -> str:
        """Return the query string of the page next to a row."""
        return str(self.get_query_string({PAGE_VAR: f"{direction}-{bound}"}))


def read_place(text: str) -> tuple[Literal["older", "newer"], UUID | None]:
    """Read the page parameter; anything else than ours is the first page."""
    direction, _, bound = text.partition("-")
    try:
        return ("newer" if direction == "newer" else "older"), UUID(bound)
    except ValueError:
        return "older", None
