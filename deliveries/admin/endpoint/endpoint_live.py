"""What happens at an endpoint while somebody looks: the answer to a test event, and how far sending again has come.

What lives here: the fragment of the endpoint's page that changes by itself, and the acts whose end it shows. It must
not know how anything is sent.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, gettext_noop

from deliveries.actors import ring_job, wake
from deliveries.admin.base.acts import Question, none_found_yet, nothing_to_send
from deliveries.admin.base.live import LivePages, mark_of
from deliveries.admin.delivery.delivery_story import advice_of, headline
from deliveries.admin.endpoint.endpoint_forms import TYPES_OFFERED
from deliveries.admin.endpoint.endpoint_list import EndpointList
from deliveries.admin.failure.failure_words import deliveries_in_words
from deliveries.admin.lists.list_filters import read_moment
from deliveries.admin.parts.badges import badge
from deliveries.admin.parts.ids import read_id
from deliveries.errors import InvalidInput
from deliveries.models import Delivery, Endpoint, EventType, Job, visible
from deliveries.protocol.events.operational import OPERATIONAL
from deliveries.protocol.events.tags import read_tags
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.timestamps import to_minute
from deliveries.services.accepting.events import TEST_EVENT_TYPE, send_test_event
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.common.languages import tell
from deliveries.services.reading.selection import Selection
from deliveries.services.reading.waiting import waiting_of
from deliveries.services.resending.candidates import PAGE_LOOKS
from deliveries.services.resending.jobs import STOPPABLE, count_matching, start_job

POLL_WORKING, POLL_IDLE = "1s", "15s"
SPANS = {"recover": Job.Kind.RECOVER, "replay": Job.Kind.REPLAY}
WHAT = {
    "recover": gettext_noop("What was tried and has not arrived gets one more attempt, after all live traffic."),
    "replay": gettext_noop(
        "The events of that time that match the endpoint now and were never sent there are sent, after all live"
        " traffic."
    ),
}


class EndpointLive(EndpointList, LivePages[Endpoint]):
    """Mixed into the pages of endpoints."""

    live_template = "hookpost/endpoint_live.html"
    by_operator = False

    def live_context(self, request: HttpRequest, row: Endpoint) -> dict[str, object]:
        """Return the test that the address names, and the last time that something was sent again."""
        test = self.test_of(request, row)
        waiting = waiting_of([test]).get(test.pk) if test else None
        job = self.last_job(row)
        is_working = waiting is not None or (job is not None and job.state in STOPPABLE)
        progress = job and (job.state, job.done, job.failed, job.total)
        query = {"test": test.public_id} if test else {}
        state = self.state_context(request, row)
        mark = mark_of(test and (test.state, test.attempts), progress, state["told"])
        return {
            **state,
            "is_state_new": request.GET.get("state", row.state) != row.state,
            "test": test,
            "test_state": badge(test.state) if test else "",
            "test_headline": headline(test, [], waiting, now=clock.likely_now()) if test else "",
            "test_advice": advice_of(test) if test else None,
            "signature_url": self.url("signature", test.public_id, model="delivery") if test else "",
            "test_url": self.url("change", test.public_id, model="delivery") if test else "",
            "job": job,
            "job_state": badge(job.state) if job else "",
            "live_url": f"{self.url('live', row.public_id)}?{urlencode({**query, 'state': row.state, 'mark': mark})}",
            "mark": mark,
            "every": POLL_WORKING if is_working else POLL_IDLE,
        }

    @abstractmethod
    def state_context(self, request: HttpRequest, row: Endpoint) -> dict[str, object]:
        """Return what the card of the state shows, and what can be done in that state."""

    def test_of(self, request: HttpRequest, row: Endpoint) -> Delivery | None:
        """Return the delivery of a test event that the address names, if it is this endpoint's."""
        key = read_id(ids.DELIVERY, request.GET.get("test", ""))
        if key is None:
            return None
        return visible.deliveries(self.viewer(request)).filter(pk=key, endpoint_id=row.pk).first()

    def last_job(self, row: Endpoint) -> Job | None:
        """Return the job that last recovered or replayed at this endpoint."""
        jobs = Job.objects.filter(customer_id=row.customer_id, kind__in=SPANS.values())
        return jobs.filter(filters__endpoint_id=str(row.pk)).order_by("-id").first()

    # --- acts

    def catalogue(self, request: HttpRequest, obj: Endpoint | None) -> QuerySet[EventType]:
        """Return the event types that an endpoint can choose: the operator's and its customer's own."""
        return visible.event_types(self.chooser(request, obj)).filter(archived=False)

    def offered_types(self, request: HttpRequest, obj: Endpoint | None) -> list[tuple[str, ...]]:
        """Return the first of the catalogue by name; others can be written, and a page of thousands helps nobody."""
        return visible.first_event_types(self.chooser(request, obj), TYPES_OFFERED, ("name", "description"))

    def chooser(self, request: HttpRequest, obj: Endpoint | None) -> visible.Viewer:
        """Return among whose event types one chooses: its customer's."""
        return self.viewer(request) if obj is None else visible.Viewer(obj.customer_id)

    def act_test(self, request: HttpRequest, row: Endpoint) -> HttpResponse:
        """Send an example event to this endpoint only; its page shows the answer."""
        event_type = request.POST.get("event_type", TEST_EVENT_TYPE)
        is_ours = event_type == TEST_EVENT_TYPE or event_type in OPERATIONAL
        if not (is_ours or self.catalogue(request, row).filter(name=event_type).exists()):
            raise InvalidInput(gettext("choose one of the event types"), field="event_type")
        accepted = send_test_event(row, event_type=event_type)
        record_act(
            self.actor(request),
            "endpoint.test",
            customer=row.customer,
            object_id=row.public_id,
            detail={"event": ids.encode_id(ids.EVENT, accepted.event_id)},
        )
        wake(accepted.wake)
        delivery = ids.encode_id(ids.DELIVERY, ids.delivery_id(accepted.event_id, row.pk))
        return HttpResponseRedirect(f"{self.page_url(row)}?{urlencode({'test': delivery})}")

    def question_of_span(self, request: HttpRequest, act: str, row: Endpoint) -> Question:
        """Count what recovering or replaying would send."""
        selection = self.selection_of(request, act, row)
        count = count_matching(SPANS[act], selection, viewer=self.viewer(request), looks=PAGE_LOOKS)
        if count.is_nothing:
            return nothing_to_send()
        what = f"{_span_in_words(selection)} {gettext(WHAT[act])}"
        if not count.number:
            return none_found_yet(what)
        words = deliveries_in_words(count.number)
        if not count.is_complete:
            title = tell("Send at least {what} to this endpoint?", what=words)
            return Question(title=title, what=what, button=gettext("Send all of them"))
        title = tell("Send {what} to this endpoint?", what=words)
        return Question(title=title, what=what, button=tell("Send {number}", number=count.number))

    def selection_of(self, request: HttpRequest, act: str, row: Endpoint) -> Selection:
        """Return what of an endpoint is meant; raises InvalidInput where the span cannot be read."""
        since, until = _moment(request, "since"), _moment(request, "until")
        if since is None:
            raise InvalidInput(gettext("say from when on, in UTC"), field="since")
        if until is not None and until < since:
            raise InvalidInput(gettext("the end is before the beginning"), field="until")
        words = request.POST.get("tag", "").strip()
        return Selection(
            customer_id=row.customer_id,
            endpoint_id=row.pk,
            tags=read_tags(words) if words else (),
            failed=act == "recover",
            since=since,
            until=until,
        )

    def act_recover(self, request: HttpRequest, row: Endpoint) -> None:
        """Send again what failed in a span of time."""
        self.start(request, "recover", row)

    def act_replay(self, request: HttpRequest, row: Endpoint) -> None:
        """Send what was never sent in a span of time."""
        self.start(request, "replay", row)

    def start(self, request: HttpRequest, act: str, row: Endpoint) -> None:
        """Begin a job of the span that was asked for."""
        job = start_job(
            SPANS[act],
            self.selection_of(request, act, row),
            customer=row.customer,
            actor=self.actor(request),
            reason=self.why(request)["reason"],
            by_operator=self.by_operator,
        )
        ring_job(job.id)
        messages.success(request, tell("{what} sent, after all live traffic.", what=deliveries_in_words(job.total)))


def _span_in_words(selection: Selection) -> str:
    since = to_minute(selection.since) if selection.since else ""
    words = tell("From {since} UTC to now.", since=since)
    if selection.until is not None:
        words = tell("From {since} UTC to {until} UTC.", since=since, until=to_minute(selection.until))
    return words if not selection.tags else f"{words} {tell('Tagged {tags}.', tags=', '.join(selection.tags))}"


def _moment(request: HttpRequest, name: str) -> datetime | None:
    text = request.POST.get(name, "").strip()
    found = read_moment(text)
    if text and found is None:
        raise InvalidInput(gettext("this is no moment; write it as 2026-01-31T12:00"), field=name)
    return found
