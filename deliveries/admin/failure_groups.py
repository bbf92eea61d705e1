"""Failures: what fails in the same way at the same endpoint, and what can be done about all of it at once.

What lives here: the pages of both sites. It must not know how failures are counted or sent again.
"""

from __future__ import annotations

from functools import partial

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext, gettext_noop

from deliveries.actors import ring_job
from deliveries.admin.base.acts import Question, none_found_yet, nothing_to_send
from deliveries.admin.base.counted import LIST_LOOKS, CountedPages, redeliver_words
from deliveries.admin.base.live import LivePages, mark_of
from deliveries.admin.base.readonly import ReadOnlyPages
from deliveries.admin.failure import failure_filters
from deliveries.admin.failure.failure_columns import FailureColumns
from deliveries.admin.failure.failure_words import (
    STATES,
    deliveries_in_words,
    example_of,
    group_headline,
    group_name,
    letter_of,
)
from deliveries.admin.lists import owner_filters
from deliveries.admin.lists.list_filters import Narrows
from deliveries.admin.parts.badges import badge, moment
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.admin.words.actor_words import actor_in_words
from deliveries.errors import Conflict
from deliveries.models import Endpoint, FailureGroup, Job, visible
from deliveries.services import endpoints
from deliveries.services.common.languages import in_words, tell
from deliveries.services.job_control import cancel_job
from deliveries.services.people.role_groups import PAUSE, REDELIVER
from deliveries.services.resending.candidates import Count
from deliveries.services.resending.failure_groups import (
    GroupState,
    acknowledge,
    count_of,
    described,
    last_job,
    redeliver_group,
    reopen,
    with_arrivals,
)
from deliveries.services.resending.jobs import STOPPABLE

AGAIN = gettext_noop(
    "Each gets one more attempt, after all live traffic and beside its schedule; what is being sent now is left out."
)
PAUSING = gettext_noop("Nothing is sent to {url} until somebody resumes it. What comes in meanwhile is held.")
POLL_WORKING, POLL_IDLE = "2s", "15s"


class FailurePages(CountedPages[FailureGroup], FailureColumns, LivePages[FailureGroup], ReadOnlyPages[FailureGroup]):
    """What staff and members see alike."""

    rows = visible.failure_groups
    acts = ("redeliver", "cancel-job", "acknowledge", "reopen", "pause")
    ordering = ("-last_at",)
    search_fields = ("error",)
    search_by = ("error", "endpoint__url__icontains")
    search_help_text = gettext_noop("A word of what fails, its code, or part of the endpoint's URL")
    nothing_yet = gettext_noop("Nothing fails. What does is shown here a minute later, grouped by endpoint and cause.")
    live_template = "hookpost/failure_live.html"
    by_operator = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[FailureGroup]:
        """With what has arrived since."""
        return with_arrivals(super().get_queryset(request))

    def narrow(self, rows: QuerySet[FailureGroup], narrows: Narrows) -> QuerySet[FailureGroup]:
        """By state, by whose they are, and by what fails."""
        return failure_filters.narrow(rows, narrows)

    # --- one group

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Serve the page; there is nothing to change on it."""
        row = self.row_or_404(request, object_id)
        self.refuse_others(request, row)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        context = {**self.live_context(request, row), **self.still_context(row), "opts": self.opts}
        return page_of(self.admin_site, request, "hookpost/failure.html", context)

    def live_context(self, request: HttpRequest, row: FailureGroup) -> dict[str, object]:
        """Return how the group stands, and how far sending it again has come."""
        found, job = described(row), last_job(row)
        is_working = job is not None and job.state in STOPPABLE
        progress = job and (job.state, job.done, job.failed, job.total)
        return {
            "found": found,
            "state": badge(found.state),
            "headline": group_headline(found),
            "state_words": in_words(STATES[found.state]),
            "job": job,
            "job_state": badge(job.state) if job else "",
            "job_url": self.job_url(job),
            "is_working": is_working,
            "last": moment(row.last_at),
            "known_to": actor_in_words(visible.shown_actor(self.viewer(request), row.acknowledged_by)),
            "known_at": moment(row.acknowledged_at),
            "acts": self.acts_for(request, row),
            "signature_url": self.url("signature", example_of(row), model="delivery"),
            "live_url": self.url("live", row.public_id),
            "count_url": self.url("count", row.public_id),
            "mark": mark_of(found.state, row.attempts, progress),
            "every": POLL_WORKING if is_working else POLL_IDLE,
        }

    def still_context(self, row: FailureGroup) -> dict[str, object]:
        """Return what does not change by itself."""
        status = f"&status={row.status_code}" if row.status_code else ""
        query = f"?endpoint={row.endpoint.public_id}&error={row.error}{status}"
        return {
            "group": row,
            "original": row,
            "title": self.named(row)["heading"],
            **self.named(row),
            "example_url": self.url("change", example_of(row), model="delivery"),
            "endpoint_url": self.url("change", row.endpoint.public_id, model="endpoint"),
            "deliveries_url": self.url("changelist", model="delivery") + query,
            "history_url": self.url("history", row.public_id),
            "letter": partial(letter_of, described(row)),  # asked by staff's pages only
        }

    def named(self, row: FailureGroup) -> dict[str, object]:
        """What comes from where."""
        return {"heading": group_name(row)}

    def job_url(self, job: Job | None) -> str:
        """Return the address of a job's page."""
        return self.url("change", job.public_id, model="job") if job else ""

    def count_again(self, row: FailureGroup) -> Count:
        """Return how many failed like this and have not arrived."""
        return count_of(row, looks=LIST_LOOKS)

    # --- acts

    def may_redeliver(self, request: HttpRequest) -> bool:
        """Say whether the person may send again and judge failures."""
        return True

    def may_pause(self, request: HttpRequest) -> bool:
        """Say whether the person may pause endpoints."""
        return True

    def may_act(self, request: HttpRequest, act: str, row: FailureGroup) -> bool:
        """Show only acts that the state leaves open."""
        open_now = {
            "acknowledge": described(row).state == GroupState.OPEN,
            "reopen": described(row).state == GroupState.ACKNOWLEDGED,
            "pause": row.endpoint.state == Endpoint.State.ENABLED,
            "cancel-job": request.method == "POST" or self.is_working(row),
        }
        may = self.may_pause(request) if act == "pause" else self.may_redeliver(request)
        return may and (request.method == "POST" or open_now.get(act, True))

    def is_working(self, row: FailureGroup) -> bool:
        """Say whether the group is being sent again."""
        job = last_job(row)
        return job is not None and job.state in STOPPABLE

    def question(self, request: HttpRequest, act: str, row: FailureGroup) -> Question | None:
        """Count before sending again; say what pausing and cancelling mean."""
        if act == "redeliver":
            count = count_of(row)
            if count.is_nothing:
                return nothing_to_send()
            if not count.number:
                return none_found_yet(gettext(AGAIN))
            words = deliveries_in_words(count.number)
            title = tell("Send {what} again?", what=words)
            if not count.is_complete:
                title = tell("Send at least {what} again?", what=words)
            return Question(title=title, what=gettext(AGAIN), button=redeliver_words(count))
        if act == "pause":
            what = tell(PAUSING, url=row.endpoint.url)
            return Question(title=gettext("Pause this endpoint?"), what=what, button=gettext("Pause"))
        if act == "cancel-job":
            what = gettext(
                "Nothing more of it is queued, and what waits is taken back. What is in flight still arrives."
            )
            return Question(title=gettext("Stop sending again?"), what=what, button=gettext("Stop"))
        return None

    def act_redeliver(self, request: HttpRequest, row: FailureGroup) -> None:
        """Send all of the group again, as a job."""
        reason = self.why(request)["reason"]
        job = redeliver_group(row, actor=self.actor(request), reason=reason, by_operator=self.by_operator)
        ring_job(job.id)
        messages.success(
            request, tell("{what} sent again, after all live traffic.", what=deliveries_in_words(job.total))
        )

    def act_cancel_job(self, request: HttpRequest, row: FailureGroup) -> None:
        """Stop sending the group again."""
        job = last_job(row)
        if job is None:
            raise Conflict(gettext("nothing of it is being sent again"))
        cancel_job(job, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Stopped. What was in flight still arrives."))

    def act_acknowledge(self, request: HttpRequest, row: FailureGroup) -> None:
        """Say that somebody knows of it."""
        acknowledge(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Acknowledged. If it ends and begins anew, it is open again."))

    def act_reopen(self, request: HttpRequest, row: FailureGroup) -> None:
        """Take that back."""
        reopen(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Open again."))

    def act_pause(self, request: HttpRequest, row: FailureGroup) -> None:
        """Pause the endpoint."""
        endpoints.pause_endpoint(row.endpoint, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Paused. What comes in is held back and sent after somebody resumes it."))


@admin.register(FailureGroup, site=staff_site)
class StaffFailure(FailurePages):
    """What fails, of all customers."""

    columns = (
        "shown_what",
        "shown_state",
        "shown_customer",
        "shown_endpoint",
        "shown_number",
        "shown_first",
        "shown_last",
    )
    by_operator = True
    filters = (
        failure_filters.GroupStateFilter,
        owner_filters.CustomerFilter,
        owner_filters.EndpointFilter,
        *failure_filters.OF_BOTH_SITES,
    )

    def still_context(self, row: FailureGroup) -> dict[str, object]:
        """Return what does not change by itself, and where its customer is."""
        customer_url = self.url("change", row.endpoint.customer.public_id, model="customer")
        return {**super().still_context(row), "customer_url": customer_url}

    def has_view_permission(self, request: HttpRequest, obj: FailureGroup | None = None) -> bool:
        """Who sees deliveries sees what fails."""
        return request.user.has_perm("deliveries.view_delivery")

    def may_redeliver(self, request: HttpRequest) -> bool:
        """A permission of its own."""
        return request.user.has_perm(REDELIVER)

    def may_pause(self, request: HttpRequest) -> bool:
        """A permission of its own."""
        return request.user.has_perm(PAUSE)


@admin.register(FailureGroup, site=portal_site)
class PortalFailure(FailurePages, PortalAdmin[FailureGroup]):
    """What fails at a customer's own endpoints."""

    columns = ("shown_what", "shown_state", "shown_endpoint", "shown_number", "shown_first", "shown_last")
    filters = (
        failure_filters.GroupStateFilter,
        owner_filters.OwnEndpointFilter,
        *failure_filters.OF_BOTH_SITES,
    )

    def may_redeliver(self, request: HttpRequest) -> bool:
        """Who only looks sends nothing."""
        return self.may_work(request)

    def may_pause(self, request: HttpRequest) -> bool:
        """Nor pauses."""
        return self.may_work(request)
