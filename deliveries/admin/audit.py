"""The audit trail: who did what, and why.

What lives here: the pages of both sites, for looking only. It must not know who writes entries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, gettext_noop

from deliveries.admin.base.readonly import ReadOnlyPages
from deliveries.admin.lists import log_filters
from deliveries.admin.lists.asked import Asked
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.lists.list_filters import Filter, Narrows, Options, SingleFilter
from deliveries.admin.lists.owner_filters import CustomerFilter
from deliveries.admin.named_objects import NOUNS, Named, with_names
from deliveries.admin.parts.badges import NOTHING, code, link, short_name
from deliveries.admin.parts.paging import Source
from deliveries.admin.parts.pieces import joined, piece
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.admin.words.actor_words import actor_in_words
from deliveries.admin.words.audit_actions import action_choices, action_in_words
from deliveries.admin.words.audit_words import in_lines
from deliveries.models import AuditEntry, visible
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.protocol.who.actor_names import shown_to_customer
from deliveries.protocol.writing.timestamps import to_minute
from deliveries.services.common.languages import in_words
from deliveries.services.reading.selection import between

TYPE_ID = re.compile("[a-z]+_[0-9a-z]{26}")


def is_id(words: str) -> bool:
    """Say whether this is the id of one thing, and so nobody's name and no act."""
    return TYPE_ID.fullmatch(words) is not None


class ActionFilter(SingleFilter):
    """What was done."""

    title, names, word, kind = gettext_noop("Action"), ("action",), "action", "select"

    def options(self) -> Options:
        """All that the viewer may come across."""
        return action_choices(is_operator=self.viewer.is_operator)


class AuditPages(ReadOnlyPages[AuditEntry]):
    """What staff and members see alike."""

    rows = visible.audit_entries
    readonly_fields: ClassVar[tuple[str, ...]]
    list_select_related = ("customer",)
    search_fields = ("object_id",)
    filters: ClassVar[Sequence[type[Filter]]] = (ActionFilter, log_filters.WindowFilter, log_filters.PeriodFilter)
    nothing_yet = gettext_noop("Nothing was done yet that the trail keeps.")

    def sources(self, request: HttpRequest, asked: Asked) -> list[Source]:
        """Find the trail of one thing by its id; what no index finds is looked for part by part."""
        rows, narrows = super().sources(request, asked)[0].rows, asked.narrows
        is_rare = "action" in narrows or len(narrows.get("customer_ids", ())) > 1
        if is_id(asked.words) or not (asked.words or is_rare):
            return [Source(rows=rows)]
        return [Source(rows=rows, base=self.in_order(request, narrows))]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Find by id, else by all that people type."""
        if not is_id(search_term):
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q(pk=self.key_of(search_term)) | Q(object_id=search_term)), False

    def in_order(self, request: HttpRequest, narrows: Narrows) -> QuerySet[AuditEntry]:
        """Return what of the rows that are meant an index finds in the order of the list."""
        rows, customers = self.get_queryset(request), narrows.get("customer_ids", ())
        if len(customers) == 1:
            rows = rows.filter(customer_id=customers[0])
        return between(rows, since=narrows.get("since"), until=narrows.get("until"))

    def narrow(self, rows: QuerySet[AuditEntry], narrows: Narrows) -> QuerySet[AuditEntry]:
        """Of one customer, of one kind, and of a span of time."""
        if "customer_ids" in narrows:
            rows = rows.filter(customer_id__in=narrows["customer_ids"])
        if "action" in narrows:
            rows = rows.filter(action=narrows["action"])
        return between(rows, since=narrows.get("since"), until=narrows.get("until"))

    def beside(self, request: HttpRequest, row: AuditEntry) -> dict[str, object]:
        """Name the entry by what was done, and when."""
        return {**super().beside(request, row), "heading": f"{action_in_words(row.action)} {to_minute(row.at)} UTC"}

    shown_at = moment_column(gettext_lazy("When (UTC)"), "at")

    @admin.display(description=gettext_lazy("Who"))
    def shown_actor(self, row: AuditEntry) -> str:
        """Who did it."""
        return actor_in_words(row.actor)

    @admin.display(description=gettext_lazy("What"))
    def shown_action(self, row: AuditEntry) -> SafeString:
        """What was done, and as programs name it."""
        return piece('<span title="{}">{}</span>', row.action, action_in_words(row.action))

    def with_details(self, rows: list[AuditEntry]) -> list[AuditEntry]:
        """What they are about is asked for once."""
        return with_names(rows, self.reader_of(rows))

    def reader_of(self, rows: Sequence[AuditEntry]) -> Viewer:
        """Return who reads these: staff."""
        return OPERATOR

    @admin.display(description=gettext_lazy("To"))
    def shown_object(self, row: AuditEntry) -> SafeString:
        """What it was done to, by its name and its id, and the way there."""
        named: Named = getattr(row, "named", None) or self.with_details([row])[0].named  # type: ignore[attr-defined]
        words, url = named.words or row.object_id, self.object_url(row, named)
        under = piece('<span class="hp-code hp-muted hp-below">{}</span>', row.object_id) if named.words else ""
        return piece("<div>{}{}</div>", link(url, words) if url else short_name(words), under)

    def object_url(self, row: AuditEntry, named: Named) -> str:
        """Return where what it was done to is looked at; empty where this site has no page of it, or it is gone."""
        noun = NOUNS.get(row.object_id.partition("_")[0])
        if noun is None or not named.is_there or not self.admin_site.is_registered(noun.model):
            return ""
        return self.url("change", row.object_id, model=noun.model._meta.model_name or "")

    @admin.display(description=gettext_lazy("Customer"))
    def shown_customer(self, row: AuditEntry) -> SafeString | str:
        """Whose it is; of nobody's alone a dash."""
        return short_name(row.customer.name) if row.customer else NOTHING

    @admin.display(description=gettext_lazy("Reason"))
    def shown_reason(self, row: AuditEntry) -> str:
        """Why, for the customer to read too."""
        return in_words(row.reason) or NOTHING

    @admin.display(description=gettext_lazy("Note, for staff only"))
    def shown_note(self, row: AuditEntry) -> str:
        """Why, for staff."""
        return row.note or NOTHING

    @admin.display(description=gettext_lazy("Detail"))
    def shown_detail(self, row: AuditEntry) -> SafeString | str:
        """What else is known of it, a line for each."""
        lines = [(name, code(value)) for name, value in in_lines(row.detail)]
        return joined("<div>{}: {}</div>", lines) or NOTHING


@admin.register(AuditEntry, site=staff_site)
class StaffAuditEntry(AuditPages):
    """The whole trail."""

    columns = (
        *("shown_at", "shown_actor", "shown_action", "shown_object"),
        *("shown_customer", "shown_reason", "shown_note"),
    )
    fields = (*columns, "shown_detail")
    readonly_fields = fields
    search_by = ("object_id", "actor", "action")
    search_help_text = gettext_noop("Id of what it was done to, or who did it")
    filters = (CustomerFilter, *AuditPages.filters)


@admin.register(AuditEntry, site=portal_site)
class PortalAuditEntry(AuditPages, PortalAdmin[AuditEntry]):
    """What was done for a customer; whom of the operator's is not told, so nobody finds it out by searching either."""

    columns = ("shown_at", "shown_actor", "shown_action", "shown_object", "shown_reason")
    fields = (*columns, "shown_detail")
    readonly_fields = fields
    search_by = ("object_id", "action")
    search_help_text = gettext_noop("Id of what it was done to")

    def reader_of(self, rows: Sequence[AuditEntry]) -> Viewer:
        """Whoever reads them sees one customer's."""
        return Viewer(rows[0].customer_id) if rows else super().reader_of(rows)

    @admin.display(description=gettext_lazy("Who"))
    def shown_actor(self, row: AuditEntry) -> str:
        """Staff appear as the operator."""
        return actor_in_words(shown_to_customer(row.actor))
