"""Jobs: bulk work with its progress.

What lives here: the staff's pages: looking, and resuming or cancelling what does not go on by itself. Jobs
are started by API. It must not know how a job is done.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from deliveries.actors import ring_job
from deliveries.admin.acts import Question
from deliveries.admin.badges import badge, code, moment
from deliveries.admin.readonly import ReadOnlyPages
from deliveries.admin.sites import staff_site
from deliveries.models import Job, visible
from deliveries.services.jobs import STOPPABLE, cancel_job, resume_job
from deliveries.services.support_group import REDELIVER


@admin.register(Job, site=staff_site)
class StaffJob(ReadOnlyPages):
    """All jobs."""

    rows = visible.jobs
    acts = ("resume", "cancel")
    change_form_template = "hookpost/job.html"
    columns = ("shown_id", "kind", "shown_state", "shown_progress", "actor", "shown_created", "shown_finished")
    fields = (
        "shown_id",
        "kind",
        "shown_state",
        "shown_progress",
        "problem",
        "customer",
        "filters",
        "actor",
        "reason",
        "created_at",
        "started_at",
        "finished_at",
    )
    readonly_fields = fields
    search_fields = ("id",)
    search_by = ("actor",)
    search_help_text = "job_ id, or an actor such as user:alice"

    def may_act(self, request: HttpRequest, act: str, row: Job) -> bool:
        """Who may send again may also stop it; only acts that the state leaves open are shown."""
        is_open = row.state == Job.State.FAILED if act == "resume" else row.state in STOPPABLE
        return request.user.has_perm(REDELIVER) and (request.method == "POST" or is_open)

    def question(self, request: HttpRequest, act: str, row: Job) -> Question | None:
        """What was queued is taken back."""
        if act != "cancel":
            return None
        what = "Nothing more of it is queued, and what waits is taken back. What is in flight still arrives."
        return Question(title="Cancel this job?", what=what, button="Cancel the job")

    def act_resume(self, request: HttpRequest, row: Job) -> None:
        """Go on where it stopped."""
        ring_job(resume_job(row, actor=self.actor(request), **self.why(request)).id)
        messages.success(request, "Resumed: it goes on where it stopped.")

    def act_cancel(self, request: HttpRequest, row: Job) -> None:
        """Queue nothing more, and take back what waits."""
        cancel_job(row, actor=self.actor(request), **self.why(request))
        messages.success(request, "Cancelled. What was in flight still arrives.")

    def beside(self, request: HttpRequest, row: Job) -> dict[str, Any]:
        """Return the acts that are open, and why the job stopped."""
        return {**super().beside(request, row), "acts": self.acts_for(request, row), "problem": row.problem}

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
