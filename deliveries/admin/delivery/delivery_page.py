"""The page of one delivery, which explains it, and the fragments by which it keeps itself up to date.

What lives here: addresses, what the templates are given, and the two acts. It must not know how a delivery is sent
again, nor the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_noop

from deliveries.actors import wake
from deliveries.admin.base.acts import Question
from deliveries.admin.base.live import LivePages, mark_of
from deliveries.admin.delivery.attempts import (
    HEAVY,
    body_as_sent,
    opened_attempt,
    payload_in_words,
    redirect_of,
    version_now,
)
from deliveries.admin.delivery.delivery_columns import still_there
from deliveries.admin.delivery.delivery_story import advice_of, headline, timeline
from deliveries.admin.delivery.signature_page import signature_view
from deliveries.admin.failure.failure_words import others_in_words
from deliveries.admin.parts.badges import badge
from deliveries.admin.parts.highlight import coloured_json
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.errors import InvalidInput
from deliveries.models import Attempt, Delivery, DueDelivery, visible
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing import ids
from deliveries.services.common import clock
from deliveries.services.common.languages import tell
from deliveries.services.common.statement_timeout import TooSlow, at_most
from deliveries.services.endpoints import update_endpoint
from deliveries.services.reading.waiting import waiting_of
from deliveries.services.resending.failure_groups import group_of
from deliveries.services.resending.redelivery import redeliver

SHOWN_ATTEMPTS = 100
LOOK_SECONDS = 2
POLL_WAITING, POLL_ENDED = "2s", "5s"
MOVE = gettext_noop(
    "What is due and what comes is sent to {new_url} from now on, instead of {url}. "
    "If that is another host, the custom headers are forgotten: they may hold its password."
)


class DeliveryPage(LivePages[Delivery]):
    """One delivery, explained."""

    live_template = "hookpost/delivery_live.html"
    acts: ClassVar[Sequence[str]] = ("redeliver", "change-url")
    parts: ClassVar[Sequence[str]] = ("attempt", "body", "failure", "signature")

    def get_urls(self) -> list[URLPattern]:
        """Add one address for each part of the self."""
        views = [
            path(
                f"<path:object_id>/{part}/",
                self.admin_site.admin_view(partial(self.part_view, show=getattr(self, f"show_{part}"))),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{part}",
            )
            for part in self.parts
        ]
        return views + super().get_urls()

    def part_view(
        self, request: HttpRequest, object_id: str, *, show: Callable[[HttpRequest, Delivery], HttpResponse]
    ) -> HttpResponse:
        """Serve a part of one delivery's page to who may see it."""
        row: Delivery = self.row_or_404(request, object_id)
        takes = ("GET", "HEAD", "POST") if show == self.show_signature else ("GET", "HEAD")
        if request.method not in takes:
            return HttpResponseNotAllowed(takes)
        self.refuse_others(request, row)
        request.current_app = self.admin_site.name
        answer = show(request, row)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Serve the page itself; there is nothing to change on it."""
        return self.part_view(request, object_id, show=partial(self.show_page, more=extra_context))

    def show_page(
        self, request: HttpRequest, row: Delivery, *, more: Mapping[str, object] | None = None
    ) -> HttpResponse:
        """Return the whole of it."""
        context = {**self.beside(request, row), "opts": self.opts, **(more or {})}
        return page_of(self.admin_site, request, "hookpost/delivery.html", context)

    def beside(self, request: HttpRequest, row: Delivery) -> dict[str, object]:
        """Return what the page shows: the live part, and what does not change."""
        live = self.live_context(request, row)
        event, endpoint = live["event"], live["endpoint"]
        body = body_as_sent(event, endpoint)
        return {
            **live,
            "title": tell("Delivery {id}", id=row.public_id),
            "original": row,
            **self.named(row),
            "body": None if body is None else coloured_json(body),
            "payload": f"{payload_in_words(endpoint)} {version_now(event, endpoint)}".strip(),
            "body_bytes": 0 if body is None else len(body),
            "endpoint_url": self.url("change", endpoint.public_id, model="endpoint") if live["is_living"] else "",
            "event_url": self.url("change", ids.encode_id(ids.EVENT, row.event_id), model="event"),
            "raw_url": self.url("body", row.public_id),
            "history_url": self.url("history", row.public_id),
            "failure_url": self.url("failure", row.public_id),
        }

    def named(self, row: Delivery) -> dict[str, object]:
        """What was sent, and its id."""
        return {"heading": f"{row.event_type} {row.public_id}"}

    # --- what changes by itself

    def live_context(self, request: HttpRequest, row: Delivery) -> dict[str, Any]:
        """Return what becomes of the delivery, as of now."""
        viewer = self.viewer(request)
        attempts = self.attempts_of(request, row)
        event = visible.events(viewer).filter(pk=row.event_id).first()
        endpoint = still_there(row, "endpoint")
        waiting = waiting_of([row]).get(row.pk)
        is_living = endpoint is not None and endpoint.deleted_at is None
        newest = attempts[-1] if attempts else None
        wait = waiting and (waiting.reason, waiting.until)
        is_asked = DueDelivery.objects.filter(delivery_id=row.pk, manual=True).exists()
        return {
            "delivery": row,
            "state": badge(row.state),
            "headline": headline(row, attempts, waiting, now=clock.likely_now()),
            "advice": advice_of(row),
            **self.others_context(row),
            "redirect": redirect_of(newest) if row.state != DeliveryState.SUCCEEDED else "",
            "timeline": timeline(row, attempts, event=event, waiting=waiting, viewer=viewer),
            "newest": None if newest is None else opened_attempt(newest, event, endpoint),
            "event": event,
            "endpoint": endpoint,
            "is_living": is_living,
            "is_asked": is_asked,
            "acts": self.acts_for(request, row) if is_living else {},
            "attempt_url": self.url("attempt", row.public_id),
            "signature_url": self.url("signature", row.public_id),
            "live_url": self.url("live", row.public_id),
            "mark": mark_of(row.state, row.attempts, newest and newest.pk, is_asked, wait),
            "every": POLL_WAITING if waiting is not None or is_asked else POLL_ENDED,
        }

    def others_context(self, row: Delivery) -> dict[str, str]:
        """Return how many others fail like a delivery that failed, and where they are."""
        is_bad = row.error and row.state != DeliveryState.SUCCEEDED
        group = group_of(row.endpoint_id, row.error, row.status_code) if is_bad else None
        words = others_in_words(group)
        url = self.url("change", group.public_id, model="failuregroup") if group and words else ""
        return {"others": words, "others_url": url}

    def attempts_of(self, request: HttpRequest, row: Delivery) -> list[Attempt]:
        """Return the newest attempts in the order of time, the last one with all that is kept of it."""
        rows = visible.attempts(self.viewer(request)).filter(delivery_id=row.pk).order_by("-id")
        newest = rows.first()
        if newest is None:
            return []
        others = rows.filter(id__lt=newest.pk).defer(*HEAVY)[: SHOWN_ATTEMPTS - 1]
        return [*reversed(others), newest]

    def show_attempt(self, request: HttpRequest, row: Delivery) -> HttpResponse:
        """Return all that is kept of one attempt of the delivery."""
        key = read_id(ids.ATTEMPT, request.GET.get("id", ""))
        kept = visible.attempts(self.viewer(request)).filter(delivery_id=row.pk)
        found = None if key is None else kept.filter(pk=key).first()
        if found is None:
            raise Http404
        event = visible.events(self.viewer(request)).filter(pk=row.event_id).first()
        context = {"opened": opened_attempt(found, event, still_there(row, "endpoint"))}
        return TemplateResponse(request, "hookpost/attempt.html", context)

    def show_body(self, request: HttpRequest, row: Delivery) -> HttpResponse:
        """Return what is sent as a file, byte for byte: this is what is signed."""
        event = visible.events(self.viewer(request)).filter(pk=row.event_id).first()
        body = body_as_sent(event, still_there(row, "endpoint"))
        if body is None:
            raise Http404
        answer = HttpResponse(body, content_type="application/octet-stream")
        answer.headers["Content-Disposition"] = f'attachment; filename="{row.public_id}.json"'
        return answer

    def show_failure(self, request: HttpRequest, row: Delivery) -> HttpResponse:
        """Go to the failure before or after this one, in the order of the list."""
        is_newer = request.GET.get("way") == "newer"
        rows = self.get_queryset(request).filter(failed_at__isnull=False, state=DeliveryState.EXHAUSTED)
        rows = rows.filter(id__gt=row.pk).order_by("id") if is_newer else rows.filter(id__lt=row.pk).order_by("-id")
        try:
            with at_most(seconds=LOOK_SECONDS):
                found = rows.prefetch_related(None).only("id").first()
        except TooSlow:
            found = None
        if found is None:
            newer = gettext("There is no newer delivery that was given up.")
            messages.info(request, newer if is_newer else gettext("There is no older delivery that was given up."))
        return HttpResponseRedirect(self.page_url(found or row))

    def show_signature(self, request: HttpRequest, row: Delivery) -> HttpResponse:
        """Return the check of the signature; a POST brings what a receiver's developer had, and changes nothing."""
        return signature_view(self, request, row)

    # --- acts

    def question(self, request: HttpRequest, act: str, row: Delivery) -> Question | None:
        """Ask before the endpoint's URL is changed."""
        if act != "change-url":
            return None
        what = tell(MOVE, new_url=self.redirect_url(request, row), url=row.endpoint.url)
        return Question(
            title=gettext("Change the endpoint's URL?"), what=what, button=gettext("Change the URL"), takes_reason=False
        )

    def redirect_url(self, request: HttpRequest, row: Delivery) -> str:
        """Return where the newest attempt was redirected to; raises InvalidInput when it was not."""
        attempts = self.attempts_of(request, row)
        new_url = redirect_of(attempts[-1] if attempts else None)
        if not new_url:
            raise InvalidInput(gettext("the last answer was no redirect to another address"), field="url")
        return new_url

    def act_redeliver(self, request: HttpRequest, row: Delivery) -> None:
        """Send one delivery again, beside its schedule."""
        wake(redeliver(row, actor=self.actor(request), **self.why(request)))
        messages.success(request, gettext("One more attempt is on its way. The retry schedule goes on as before."))

    def act_change_url(self, request: HttpRequest, row: Delivery) -> None:
        """Give the endpoint the address that it redirects to."""
        new_url = self.redirect_url(request, row)
        update_endpoint(row.endpoint, {"url": new_url}, actor=self.actor(request))
        messages.success(
            request, tell("The endpoint's URL is {url} now. Redeliver to see whether that is right.", url=new_url)
        )
