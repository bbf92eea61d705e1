"""The lists of both sites: a rendering of our own inside of Unfold's frame.

What lives here: from a request to a page of rows with chips and a form of filters. It must not know any noun: which
columns, filters and bulk acts a list has, a page says itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic
from uuid import UUID

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from unfold.admin import ModelAdmin

from deliveries.admin.lists.asked import PLACE, Asked, read_asked
from deliveries.admin.lists.list_filters import Filter, Narrows
from deliveries.admin.lists.saved_views import views_context
from deliveries.admin.parts.badges import NOTHING, first_large
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.paging import TOO_SLOW, Page, Row, Source, read_page
from deliveries.admin.parts.pieces import joined
from deliveries.admin.parts.rendering import page_of
from deliveries.models.visible import Viewer
from deliveries.services.common.statement_timeout import TooSlow

CHOSEN_LIMIT = 200
# What models call themselves and their fields in lists: Django makes these words of names.
NOUNS = (
    *(_("endpoint"), _("delivery"), _("event"), _("event type"), _("API key"), _("job"), _("failure"), _("customer")),
    *(
        _("member"),
        _("Failure groups"),
        _("API keys"),
        _("Audit trail"),
        _("audit entry"),
        _("Name"),
        _("Description"),
    ),
    *(_("API version"), _("API versions"), _("change"), _("Changes with versions")),
    *(_("Url"), _("Uid"), _("Action"), _("Actor"), _("Reason"), _("Email")),
)

Column = tuple[str, Callable[[Any], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row as the template shows it: its key, its address, its first cell and the others as HTML."""

    key: str
    url: str
    head: object
    cells: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a list as the template shows it."""

    titles: Sequence[str]
    rows: Sequence[Model]
    lines: Sequence[Line]
    newer: str
    older: str
    searched_to: datetime | None
    trouble: str
    size: int


class ListPages(ModelAdmin, Generic[Row]):
    """Pages with a list of their rows."""

    columns: ClassVar[Sequence[str]] = ()
    filters: ClassVar[Sequence[type[Filter]]] = ()
    bulk_acts: ClassVar[Sequence[tuple[str, str]]] = ()  # the method, and the words on its button
    per_page: ClassVar[int] = 50
    list_template: ClassVar[str] = "hookpost/list.html"
    nothing_yet: ClassVar[str] = _("There is nothing here yet.")

    @abstractmethod
    def viewer(self, request: HttpRequest) -> Viewer:
        """Return whose eyes these are."""

    @abstractmethod
    def url(self, name: str, *args: object, model: str = "") -> str:
        """Return an address of a noun on this site."""

    @abstractmethod
    def page_url(self, row: Model) -> str:
        """Return the address of a row's page on this site."""

    # --- what a noun may say otherwise

    def sources(self, request: HttpRequest, asked: Asked) -> list[Source]:
        """Return the rows that are meant, and what of them an index finds."""
        rows = self.get_search_results(request, self.get_queryset(request), asked.words)[0]
        if self.list_select_related:
            rows = rows.select_related(*self.list_select_related)
        return [Source(rows=self.narrow(rows, asked.narrows))]

    def narrow(self, rows: QuerySet[Row], narrows: Narrows) -> QuerySet[Row]:
        """Narrow rows by the words of a selection."""
        return rows

    def with_details(self, rows: list[Row]) -> list[Row]:
        """Add what the cells of a page of rows are made of, asked for once."""
        return rows

    def bulk_acts_for(self, request: HttpRequest) -> Sequence[tuple[str, str]]:
        """Return the bulk acts that are open to this person."""
        return self.bulk_acts

    def beside_list(self, request: HttpRequest, asked: Asked) -> dict[str, object]:
        """Return what the list's page shows besides the list."""
        return {}

    # --- the page

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Show a page of the list, or do a bulk act to what was chosen on it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        asked = self.asked(request)
        if request.method == "POST":
            return self.bulk_act(request) or HttpResponseRedirect(request.get_full_path())
        context = {
            **self.list_context(request, asked),
            **self.beside_list(request, asked),
            **(extra_context or {}),
        }
        return page_of(self.admin_site, request, self.list_template, context)

    def list_context(self, request: HttpRequest, asked: Asked) -> dict[str, object]:
        """Return what the template of a list needs."""
        return {
            **self.nouns(),
            "is_fullwidth": "1",
            "asked": asked,
            "listing": self.listing(request, asked),
            "bulk_acts": self.bulk_acts_for(request),
            "checkbox": ACTION_CHECKBOX_NAME,
            "search_help": self.search_help_text if self.search_fields else "",
            "add_url": self.url("add") if self.has_add_permission(request) else "",
            "nothing_yet": self.nothing_yet,
            **self.views(request, asked),
        }

    def nouns(self) -> dict[str, object]:
        """Return what several and one of the rows are called."""
        several = gettext(first_large(str(self.opts.verbose_name_plural)))
        return {"title": several, "list_title": several, "noun": gettext(str(self.opts.verbose_name))}

    def views(self, request: HttpRequest, asked: Asked) -> dict[str, object]:
        """Return the views that this person keeps of the list; of one without filters there are none."""
        noun = self.opts.model_name or ""
        return views_context(request, noun, asked, site_name=self.admin_site.name) if self.filters else {}

    def asked(self, request: HttpRequest) -> Asked:
        """Return what the address asks for."""
        return read_asked(request.GET, self.filters, viewer=self.viewer(request))

    def listing(self, request: HttpRequest, asked: Asked) -> Listing:
        """Read one page of rows, and make its cells."""
        found, trouble = self.read(request, asked)
        rows = self.with_details(found.rows)
        columns = [self.column(name) for name in self.columns]
        return Listing(
            titles=[title for title, _ in columns],
            rows=rows,
            lines=[line_of(row, columns, url=self.page_url(row)) for row in rows],
            newer=asked.address(**{PLACE: found.newer}) if found.newer else "",
            older=asked.address(**{PLACE: found.older}) if found.older else "",
            searched_to=found.searched_to,
            trouble=trouble,
            size=self.per_page,
        )

    def read(self, request: HttpRequest, asked: Asked) -> tuple[Page, str]:
        """Return a page, and a sentence when reading it was given up."""
        if asked.is_refused:
            return Page(rows=[]), ""
        try:
            sources = self.sources(request, asked)
            return read_page(sources, asked.place, size=self.per_page, order=self.ordering[0]), ""
        except TooSlow:
            return Page(rows=[]), gettext(TOO_SLOW)

    def column(self, name: str) -> Column:
        """Return the title of a column, and what makes its cells: a method of the page, or a field of the row."""
        if name.startswith("shown_"):
            maker = getattr(self, name)
            return gettext(str(maker.short_description)), maker
        title = gettext(str(self.opts.get_field(name).verbose_name).capitalize())
        return title, lambda row: getattr(row, name) or NOTHING

    # --- bulk acts

    def bulk_act(self, request: HttpRequest) -> HttpResponse | None:
        """Do a bulk act to the rows that were chosen; None when none was, or no such act is open."""
        wanted = request.POST.get("action", "")
        if wanted not in dict(self.bulk_acts_for(request)):
            raise PermissionDenied
        chosen = self.chosen(request)
        answer: HttpResponse | None = getattr(self, wanted)(request, chosen)
        return answer

    def chosen(self, request: HttpRequest) -> QuerySet[Row]:
        """Return the rows that were chosen, as far as this viewer may see them."""
        texts = request.POST.getlist(ACTION_CHECKBOX_NAME)[:CHOSEN_LIMIT]
        keys: list[UUID] = [key for text in texts if (key := read_id("", text)) is not None]
        rows: QuerySet[Row] = self.get_queryset(request).filter(pk__in=keys)
        return rows


def line_of(row: Model, columns: Sequence[Column], *, url: str) -> Line:
    """Return a row as the template shows it; its cells are made here, for a template takes thrice as long."""
    (_, head), *others = columns
    made = ((title, make(row)) for title, make in others)
    cells = joined('<td data-label="{}"{}>{}</td>', ((title, empty(cell), cell) for title, cell in made))
    return Line(key=str(row.pk), url=url, head=head(row), cells=cells)


def empty(cell: object) -> SafeString:
    """Return what marks a cell that says nothing: a telephone has no line for it."""
    return SafeString(' class="hp-none"' if cell == NOTHING else "")
