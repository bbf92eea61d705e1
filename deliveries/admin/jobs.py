"""Jobs: bulk work with its progress.

What lives here: the pages of both sites: looking while it goes on, cancelling, resuming. Jobs are started from the list
of deliveries and by API. It must not know how a job is done.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from deliveries.actors import ring_job
from deliveries.admin.base.acts import Question
from deliveries.admin.base.readonly import ReadOnlyPages
from deliveries.admin.import_report import import_report
from deliveries.admin.job_words import filter_address, filter_words, narrowed_words
from deliveries.admin.lists.columns import customer_column, moment_column
from deliveries.admin.parts.badges import badge, code, moment
from deliveries.admin.parts.pieces import piece
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.admin.words.actor_words import actor_in_words
from deliveries.models import Job, visible
from deliveries.protocol.writing.timestamps import to_minute
from deliveries.services.common import clock
from deliveries.services.common.languages import tell
from deliveries.services.job_control import SENDING, cancel_job, may_resume, resume_job
from deliveries.services.people.role_groups import REDELIVER
from deliveries.services.resending.jobs import STOPPABLE, UNFINISHED, problem_of


class JobPages(ReadOnlyPages[Job]):
    """What staff and members see alike."""

    rows = visible.jobs
    acts = ("resume", "cancel")
    change_form_template = "hookpost/job.html"
    columns: ClassVar[tuple[str, ...]] = (
        *("shown_kind", "shown_progress", "shown_state", "shown_actor", "shown_created", "shown_id"),
    )
    fields = ()
    search_fields = ("id",)
    nothing_yet = gettext_noop(
        "No bulk work yet. Narrow the list of deliveries, then choose “Redeliver all that match”."
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the progress bar asks."""
        view = self.admin_site.admin_view(self.progress_view)
        return [path("<path:object_id>/progress/", view, name="deliveries_job_progress"), *super().get_urls()]

    def may_touch(self, request: HttpRequest, row: Job) -> bool:
        """Say whether the person may stop this job, or let it go on."""
        return True

    def may_act(self, request: HttpRequest, act: str, row: Job) -> bool:
        """Only acts that the state leaves open are shown."""
        is_open = may_resume(row) if act == "resume" else row.state in STOPPABLE
        return self.may_touch(request, row) and (request.method == "POST" or is_open)

    def question(self, request: HttpRequest, act: str, row: Job) -> Question | None:
        """What was queued is taken back."""
        if act != "cancel":
            return None
        what = gettext("Nothing more of it is queued, and what waits is taken back. What is in flight still arrives.")
        if row.kind == Job.Kind.CANCEL:
            what = gettext("Nothing more is cancelled; what is cancelled already stays so.")
        if row.kind in SENDING:
            what = f"{what} {gettext('It can be resumed later.')}"
        is_over = row.kind not in (*SENDING, Job.Kind.CANCEL)
        return Question(
            title=gettext("Cancel this job?"), what=what, button=gettext("Cancel the job"), takes_away=is_over
        )

    def act_resume(self, request: HttpRequest, row: Job) -> None:
        """Go on where it stopped."""
        ring_job(resume_job(row, actor=self.actor(request), **self.why(request)).id)
        messages.success(request, gettext("Resumed: it goes on where it stopped."))

    def act_cancel(self, request: HttpRequest, row: Job) -> None:
        """Queue nothing more, and take back what waits."""
        cancel_job(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Cancelled. What was in flight still arrives."))

    def beside(self, request: HttpRequest, row: Job) -> dict[str, object]:
        """Return what the page shows: how far it is, what it means, and the acts that are open."""
        address = filter_address(row, viewer=self.viewer(request))
        return {
            **super().beside(request, row),
            "title": row.get_kind_display(),
            **self.named(row),
            "job": row,
            "state": badge(row.state),
            "actor": self.shown_actor(row),
            "words": filter_words(row),
            "list_url": f"{self.url('changelist', model='delivery')}?{address}" if address else "",
            "progress": progress_of(row),
            "sending": SENDING,
            "progress_url": self.url("progress", row.public_id) if row.state in UNFINISHED else "",
            "acts": self.acts_for(request, row),
            "problem": problem_of(row, viewer=self.viewer(request)),
            "moments": [
                (title, moment(at))
                for title, at in (
                    (gettext("Asked for"), row.created_at),
                    (gettext("Begun"), row.started_at),
                    (gettext("Ended"), row.finished_at),
                )
            ],
        }

    def named(self, row: Job) -> dict[str, object]:
        """What it does, and since when."""
        return {"heading": f"{row.get_kind_display()} {to_minute(row.created_at)} UTC"}

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer how far a job is."""
        row = self.row_or_404(request, object_id)
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return JsonResponse(progress_of(row))

    def shown_actor(self, row: Job) -> str:
        """Who asked for it."""
        return actor_in_words(row.actor)

    shown_actor.short_description = gettext_noop("Asked by")  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("Id"))
    def shown_id(self, row: Job) -> SafeString:
        """The id, as the API shows it."""
        return code(row.public_id, one_line=True)

    def with_details(self, rows: list[Job]) -> list[Job]:
        """Add what each was narrowed to."""
        words = narrowed_words(rows)
        for row in rows:
            row.narrowed = words[row.pk]  # type: ignore[attr-defined]
        return rows

    @admin.display(description=gettext_lazy("Job"))
    def shown_kind(self, row: Job) -> SafeString:
        """What it does, and to what."""
        narrowed = row.narrowed  # type: ignore[attr-defined]
        under = piece('<br><span class="hp-muted">{}</span>', narrowed) if narrowed else ""
        return piece("{}{}", row.get_kind_display(), under)

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: Job) -> SafeString:
        """State as a badge."""
        return badge(row.state)

    @admin.display(description=gettext_lazy("Progress"))
    def shown_progress(self, row: Job) -> SafeString:
        """A bar, and the numbers."""
        bar = '<progress class="hp-progress" max="{}" value="{}"></progress> {}'
        ended = row.done + row.failed
        words = tell("{ended} of {total}, {failed} failed", ended=ended, total=row.total, failed=row.failed)
        return piece(bar, max(row.total, 1), ended, words)

    shown_created = moment_column(gettext_lazy("Asked for (UTC)"), "created_at")


@admin.register(Job, site=staff_site)
class StaffJob(JobPages):
    """All jobs."""

    search_by = ("actor",)
    columns = ("shown_kind", "shown_customer", *JobPages.columns[1:])
    list_select_related = ("customer",)
    search_help_text = gettext_noop("job_ id, or who asked for it")

    shown_customer = customer_column

    def beside(self, request: HttpRequest, row: Job) -> dict[str, object]:
        """Show what an import came to."""
        return {**super().beside(request, row), **import_report(row)}

    def may_touch(self, request: HttpRequest, row: Job) -> bool:
        """Who may send again may also stop it."""
        return request.user.has_perm(REDELIVER)


@admin.register(Job, site=portal_site)
class PortalJob(JobPages, PortalAdmin[Job]):
    """What was asked for a customer's deliveries alone."""

    search_help_text = "job_ id"

    def may_touch(self, request: HttpRequest, row: Job) -> bool:
        """What the operator asked for is the operator's to stop."""
        return self.may_work(request) and not row.by_operator and row.kind in (*SENDING, Job.Kind.CANCEL)

    @admin.display(description=gettext_lazy("Asked by"))
    def shown_actor(self, row: Job) -> str:
        """Staff appear as the operator."""
        return actor_in_words(visible.shown_actor(visible.Viewer(row.customer_id), row.actor))


def progress_of(row: Job) -> dict[str, object]:
    """Return how far a job is: what a page shows at first, and what its bar asks for then."""
    ended, is_open = row.done + row.failed, row.state in UNFINISHED
    seconds = (clock.likely_now() - row.started_at).total_seconds() if is_open and row.started_at else 0
    rate = ended / seconds if seconds > 1 else 0
    return {
        "state": row.state,
        "words": tell("{ended} of {total}", ended=ended, total=row.total),
        "total": row.total,
        "ended": ended,
        "failed": row.failed,
        "rate": round(rate, 1),
        "left_seconds": round((row.total - ended) / rate) if rate else None,
    }
