"""The audit trail: who did what, and why.

What lives here: the staff's pages, for looking only. It must not know who writes entries.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, gettext_noop

from deliveries.admin import list_filters
from deliveries.admin.audit_words import in_lines
from deliveries.admin.badges import code, moment
from deliveries.admin.list_filters import Narrows
from deliveries.admin.owner_filters import CustomerFilter
from deliveries.admin.readonly import ReadOnlyPages
from deliveries.admin.sites import staff_site
from deliveries.models import AuditEntry, visible
from deliveries.services.selection import between


@admin.register(AuditEntry, site=staff_site)
class StaffAuditEntry(ReadOnlyPages[AuditEntry]):
    """The whole trail."""

    rows = visible.audit_entries
    columns = ("shown_at", "actor", "action", "shown_target", "customer", "reason", "note")
    fields = ("at", "actor", "action", "customer", "target", "reason", "note", "shown_detail")
    readonly_fields = fields
    list_select_related = ("customer",)
    search_fields = ("target",)
    search_by = ("target", "actor", "action")
    search_help_text = gettext_noop("Id of what it was done to, an actor such as user:alice, or an action")
    filters = (CustomerFilter, list_filters.WindowFilter, list_filters.PeriodFilter)
    nothing_yet = gettext_noop("Nothing was done yet that the trail keeps.")

    def narrow(self, rows: QuerySet[AuditEntry], narrows: Narrows) -> QuerySet[AuditEntry]:
        """Of one customer, and of a span of time."""
        if "customer_ids" in narrows:
            rows = rows.filter(customer_id__in=narrows["customer_ids"])
        return between(rows, since=narrows.get("since"), until=narrows.get("until"))

    @admin.display(description=gettext_lazy("When"))
    def shown_at(self, row: AuditEntry) -> SafeString | str:
        """When it was done."""
        return moment(row.at)

    @admin.display(description=gettext_lazy("Target"))
    def shown_target(self, row: AuditEntry) -> SafeString:
        """What it was done to."""
        return code(row.target)

    @admin.display(description=gettext_lazy("Detail"))
    def shown_detail(self, row: AuditEntry) -> SafeString | str:
        """What else is known of it, a line for each."""
        lines = [(name, code(value)) for name, value in in_lines(row.detail)]
        return format_html_join("", "<div>{}: {}</div>", lines) or "-"
