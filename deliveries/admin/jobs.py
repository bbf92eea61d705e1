"""Jobs: bulk work with its progress.

What lives here: the staff's pages, for looking only. Jobs are started and cancelled by API.
"""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from deliveries.admin.badges import badge, code, moment
from deliveries.admin.paging import KeysetChangeList
from deliveries.admin.readonly import ReadOnlyPages
from deliveries.admin.sites import staff_site
from deliveries.models import Job, visible


@admin.register(Job, site=staff_site)
class StaffJob(ReadOnlyPages):
    """All jobs."""

    rows = visible.jobs
    list_display = ("shown_id", "kind", "shown_state", "shown_progress", "actor", "shown_created", "shown_finished")
    fields = (
        "shown_id",
        "kind",
        "shown_state",
        "shown_progress",
        "customer",
        "filters",
        "actor",
        "reason",
        "created_at",
        "started_at",
        "finished_at",
    )
    readonly_fields = fields
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("id",)
    search_by = ("actor",)
    search_help_text = "job_ id, or an actor such as user:alice"

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[KeysetChangeList]:
        """Pages by key."""
        return KeysetChangeList

    @admin.display(description="Job")
    def shown_id(self, row: Job) -> SafeString:
        """The id, as the API shows it."""
        return code(row.public_id)

    @admin.display(description="State")
    def shown_state(self, row: Job) -> SafeString:
        """State as a badge."""
        return badge(row.state)

    @admin.display(description="Progress")
    def shown_progress(self, row: Job) -> SafeString:
        """A bar, and the numbers."""
        return format_html(
            '<progress class="hp-progress" max="{}" value="{}"></progress> {} of {}, {} failed',
            max(row.total, 1),
            row.done + row.failed,
            row.done + row.failed,
            row.total,
            row.failed,
        )

    @admin.display(description="Created")
    def shown_created(self, row: Job) -> SafeString | str:
        """When it was asked for."""
        return moment(row.created_at)

    @admin.display(description="Finished")
    def shown_finished(self, row: Job) -> SafeString | str:
        """When it ended."""
        return moment(row.finished_at)
