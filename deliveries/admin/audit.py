"""The audit trail: who did what, and why.

What lives here: the staff's pages, for looking only. It must not know who writes entries.
"""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from deliveries.admin import list_filters
from deliveries.admin.badges import code, moment
from deliveries.admin.paging import KeysetChangeList
from deliveries.admin.readonly import ReadOnlyPages
from deliveries.admin.sites import staff_site
from deliveries.models import AuditEntry, visible


@admin.register(AuditEntry, site=staff_site)
class StaffAuditEntry(ReadOnlyPages):
    """The whole trail."""

    rows = visible.audit_entries
    list_display = ("shown_at", "actor", "action", "shown_target", "customer", "reason", "note")
    fields = ("at", "actor", "action", "customer", "target", "reason", "note", "detail")
    readonly_fields = fields
    list_select_related = ("customer",)
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("target",)
    search_by = ("target", "actor", "action")
    search_help_text = "Id of what it was done to, an actor such as user:alice, or an action"
    list_filter = (list_filters.CustomerFilter, list_filters.WindowFilter, list_filters.PeriodFilter)
    list_filter_submit = True

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[KeysetChangeList]:
        """Pages by key."""
        return KeysetChangeList

    @admin.display(description="When")
    def shown_at(self, row: AuditEntry) -> SafeString | str:
        """When it was done."""
        return moment(row.at)

    @admin.display(description="Target")
    def shown_target(self, row: AuditEntry) -> SafeString:
        """What it was done to."""
        return code(row.target)
