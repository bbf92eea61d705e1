"""An inbox: what was sent to it, as it comes, with the check of each signature; and what it answers.

What lives here: the page and the part of it that asks for what is new. It must not know how anything is sent.
"""

from __future__ import annotations

from copy import deepcopy
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.base.live import NOTHING_NEW
from deliveries.admin.endpoints import EndpointPages
from deliveries.admin.parts.badges import answer_of, badge, moment
from deliveries.admin.parts.highlight import coloured_json
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.safe_text import readable
from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Attempt, Endpoint
from deliveries.protocol.sending.inbox import EXPLAINED, INBOX_URLS, InboxAnswer, is_inbox
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.bodies.sent_bodies import body_sent
from deliveries.services.common.languages import in_words, tell
from deliveries.services.endpoint import inboxes
from deliveries.services.endpoint.inboxes import InboxRequest
from deliveries.services.endpoints import update_endpoint

POLL = "2s"
OFFER = gettext_noop(
    "Where events are sent, by POST if nothing else is chosen below. No server yet? "
    '<button type="button" class="hp-button" data-hp-fill="id_url" data-hp-value="{}">Use an inbox here</button> '
    'Behind a firewall? <button type="button" class="hp-button" data-hp-fill="id_url" data-hp-value="{}">Have it polled'
    "</button>"
)


def offer_inbox() -> SafeString:
    """Return the help at the URL field with the buttons that fill it."""
    return format_html(gettext(OFFER), INBOX_URLS[InboxAnswer.OK], POLLED_URL)


class InboxPages(EndpointPages):
    """Pages of endpoints, some of which are inboxes."""

    acts = (*EndpointPages.acts, "answer")

    def get_urls(self) -> list[URLPattern]:
        """Add the page, and what it asks for again and again."""
        guard = self.admin_site.admin_view
        return [
            path("<path:object_id>/inbox/live/", guard(self.inbox_live_view), name="deliveries_endpoint_inbox_live"),
            path("<path:object_id>/inbox/", guard(self.inbox_view), name="deliveries_endpoint_inbox"),
            *super().get_urls(),
        ]

    def inbox_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show an inbox."""
        row = self._inbox_or_404(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        context = {
            **self._fragment(request, row, after=None),
            "title": gettext("Inbox"),
            **self.about(row, gettext("Inbox")),
            "endpoint": row,
            "state": badge(row.state),
            "is_enabled": row.state == Endpoint.State.ENABLED,
            "answers": [(answer, in_words(EXPLAINED[answer]), row.url == INBOX_URLS[answer]) for answer in InboxAnswer],
            "acts": self.acts_for(request, row),
            "ends": moment(inboxes.ends_at(row)),
        }
        return page_of(self.admin_site, request, "hookpost/inbox.html", context)

    def inbox_live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve what came after the request that the address names, or say that nothing did."""
        row = self._inbox_or_404(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        context = self._fragment(request, row, after=read_id(Attempt.PREFIX, request.GET.get("after", "")))
        if not context["requests"]:
            return HttpResponse(status=NOTHING_NEW)
        answer = TemplateResponse(request, "hookpost/inbox_live.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def get_form(
        self, request: HttpRequest, obj: Endpoint | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm]:
        """Offer an inbox at the URL field."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "url" in form.base_fields:
            form.base_fields["url"] = field = deepcopy(form.base_fields["url"])  # forms of both sites share the other
            field.help_text = field.help_text if obj else offer_inbox()
        return form

    def act_test(self, request: HttpRequest, row: Endpoint) -> HttpResponse:
        """Look at the inbox, where that is what is tested."""
        answer = super().act_test(request, row)
        return HttpResponseRedirect(self.inbox_url(row)) if self.inbox_url(row) else answer

    def act_resume(self, request: HttpRequest, row: Endpoint) -> HttpResponse | None:
        """Go back to the inbox, where that is what is resumed."""
        super().act_resume(request, row)
        return HttpResponseRedirect(self.inbox_url(row)) if self.inbox_url(row) else None

    def act_answer(self, request: HttpRequest, row: Endpoint) -> HttpResponse:
        """Let the inbox answer something else from the next request on."""
        wanted = request.POST.get("answer", "")
        if wanted not in set(InboxAnswer):
            raise InvalidInput(gettext("choose one of the answers"), field="answer")
        if not is_inbox(row.url):
            raise Conflict(gettext("this endpoint is no inbox"))
        update_endpoint(row, {"url": INBOX_URLS[InboxAnswer(wanted)]}, actor=self.actor(request))
        messages.success(request, tell("From now on it answers {what}.", what=in_words(EXPLAINED[InboxAnswer(wanted)])))
        return HttpResponseRedirect(self.url("inbox", row.public_id))

    def inbox_url(self, row: Endpoint) -> str:
        """Return where an inbox is looked at; empty for other endpoints."""
        return self.url("inbox", row.public_id) if is_inbox(row.url) else ""

    def _inbox_or_404(self, request: HttpRequest, object_id: str) -> Endpoint:
        row = self.row_or_404(request, object_id)
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        if not is_inbox(row.url):
            raise Http404
        return row

    def _fragment(self, request: HttpRequest, row: Endpoint, *, after: UUID | None) -> dict[str, object]:
        came = inboxes.requests_of(row, self.viewer(request), after=after)
        newest = came[0].attempt.public_id if came else ""
        return {
            "requests": [self._shown(each, row) for each in came],
            "live_url": f"{self.url('inbox_live', row.public_id)}?after={newest}",
            "every": POLL,
        }

    def _shown(self, came: InboxRequest, row: Endpoint) -> dict[str, object]:
        url = self.url("change", came.delivery.public_id, model="delivery")
        return {
            "at": moment(came.attempt.started_at),
            "type": came.delivery.event_type,
            "number": came.attempt.number,
            "answer": answer_of(came.attempt),
            "is_right": came.check.is_right if came.check else None,
            "headers": readable(came.attempt.request_headers.encode()),
            "body": coloured_json(body_sent(came.event, row.shaping)) if came.event else "",
            "url": url,
            "signature_url": self.url("signature", came.delivery.public_id, model="delivery"),
        }
