"""Endpoints: the list, the form, health and backlog, pausing, resuming, secrets, test events.

What lives here: what both sites share, and the pages of staff. It must not know the rules for fields and states.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import prefetch_related_objects
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

from deliveries.actors import wake
from deliveries.admin.base.acts import Question
from deliveries.admin.base.pages import Fieldsets
from deliveries.admin.base.reveal import Revealed, reveal
from deliveries.admin.endpoint import endpoint_filters
from deliveries.admin.endpoint.credential_fields import certificate_warning
from deliveries.admin.endpoint.endpoint_forms import EndpointForm, type_choices_of
from deliveries.admin.endpoint.endpoint_groups import groups_of, seen_groups
from deliveries.admin.endpoint.endpoint_live import SPANS
from deliveries.admin.endpoint.endpoint_questions import is_open, keep_hours_of, question_of
from deliveries.admin.endpoint.verification import asked_again_words, resumed_words, verification_in_words
from deliveries.admin.endpoint.version_page import VersionPage, pin_of
from deliveries.admin.failure.endpoint_health import (
    health_badges,
    in_words,
    rest_in_words,
    retests_in_words,
    trouble_of,
    with_health,
)
from deliveries.admin.failure.failing import failing_section
from deliveries.admin.front.dashboard import backlog_of, is_due
from deliveries.admin.front.overview import overview_of
from deliveries.admin.lists.columns import customer_column
from deliveries.admin.lists.owner_filters import CustomerFilter
from deliveries.admin.parts.badges import badge
from deliveries.admin.site.sites import staff_site
from deliveries.conf import conf
from deliveries.models import AuditEntry, Customer, Endpoint, visible
from deliveries.protocol.events.operational import OPERATIONAL
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.signing.profiles import profile_of
from deliveries.services import endpoints as verbs
from deliveries.services.accepting.events import TEST_EVENT_TYPE
from deliveries.services.common.languages import tell
from deliveries.services.endpoint import challenges
from deliveries.services.people.role_groups import PAUSE, REDELIVER
from deliveries.services.reading.endpoint_health import health_of

STATE_ACTS = ("endpoint.pause", "endpoint.disable", "endpoint.resume")


class EndpointPages(VersionPage):
    """What staff and members see alike."""

    rows = visible.endpoints
    stays = True
    form = EndpointForm
    acts: ClassVar[tuple[str, ...]] = (
        *("pause", "resume", "disable", "verify", "rotate", "test", "recover", "replay", "move"),
    )
    change_form_template = "hookpost/endpoint.html"

    def get_fieldsets(self, request: HttpRequest, obj: Endpoint | None = None) -> Fieldsets:
        """Group the fields; who may not change sees what is stored, without the write-only ones."""
        if obj is not None and not self.has_change_permission(request, obj):
            return seen_groups()
        return groups_of(obj, EndpointForm.base_fields)

    readonly_fields = (
        *("shown_types", "shown_tags", "shown_signing", "shown_headers", "shown_auth", "shown_tls"),
        *("shown_schedule", "shown_window"),
    )

    def get_form(
        self, request: HttpRequest, obj: Endpoint | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm]:
        """Offer the catalogue of the endpoint's customer."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if issubclass(form, EndpointForm):
            form.type_choices = type_choices_of(self.offered_types(request, obj))
        return form

    def told_of(self, rows: Sequence[Endpoint]) -> Mapping[UUID, SafeString]:
        """Say of those that get nothing since when, and why."""
        prefetch_related_objects(rows, "lane")
        health = health_of(rows)
        return {row.pk: trouble for row in rows if (trouble := trouble_of(row, health[row.pk]))}

    # --- one endpoint

    def beside(self, request: HttpRequest, row: Endpoint) -> dict[str, object]:
        """Return what the page shows besides the form."""
        url = f"{self.url('changelist', model='delivery')}?endpoint={row.public_id}"
        return {
            **self.live_context(request, row),
            "title": gettext("Endpoint"),
            "subtitle": row.url,
            "secrets": list(row.secrets.order_by("-id").only("id", "hint", "public_key", "created_at", "expires_at")),
            "failing": failing_section(self, self.viewer(request), endpoint_id=row.pk),
            **self.addresses(row),
            "overview": overview_of(
                self.viewer(request), url=url, asked=request.GET.get("span", ""), endpoint_id=row.pk
            ),
            "pinned": pin_of(row),
            "deliveries_url": url,
        }

    def state_context(self, request: HttpRequest, row: Endpoint) -> dict[str, object]:
        """Return the state of an endpoint, and the acts that it leaves open; `told` tells one from another."""
        (shown,) = with_health([row])
        backlog, resting = backlog_of(row), rest_in_words(row)
        return {
            "told": (row.state, row.health.state, backlog, resting),  # type: ignore[attr-defined]
            "endpoint": row,
            "state": badge(row.state),
            "note": self.note_of(row),
            "health": health_badges(shown),
            "health_words": in_words(row.health, is_on_the_way=partial(is_due, row)),  # type: ignore[attr-defined]
            "lane": row.lane,
            "resting": resting,
            "retests": retests_in_words(row),
            "verification": verification_in_words(row),
            "certificate": certificate_warning(row),
            "backlog": backlog,
            "acts": self.acts_for(request, row),
            "test_types": SimpleLazyObject(partial(self.test_types, request, row)),  # read where the acts are written
        }

    def test_types(self, request: HttpRequest, row: Endpoint) -> list[str]:
        """Return what a test event can be."""
        return [TEST_EVENT_TYPE, *(name for name, _ in self.offered_types(request, row)), *OPERATIONAL]

    def addresses(self, row: Endpoint) -> dict[str, object]:
        """Return where the pages about an endpoint are; empty for one that it has not."""
        return {
            "history_url": self.url("history", row.public_id),
            "filter_url": self.url("filter", row.public_id),
            "inbox_url": self.inbox_url(row),
            "poll_url": poll_address(row),
            "payload_url": self.url("payload", row.public_id),
            "versions_url": self.url("versions", row.public_id),
        }

    def note_of(self, row: Endpoint) -> str:
        """Return what staff noted with the last change of the state; nothing to anybody else."""
        return ""

    def may_act(self, request: HttpRequest, act: str, row: Endpoint) -> bool:
        """Show only acts that the state leaves open."""
        is_shown = request.method == "POST" or is_open(act, row)
        return is_shown and self.has_change_permission(request, row)

    def question(self, request: HttpRequest, act: str, row: Endpoint) -> Question | None:
        """Ask before what receivers or customers would notice; count before many are sent."""
        if act in SPANS:
            return self.question_of_span(request, act, row)
        return question_of(request, act, row) or super().question(request, act, row)

    def act_pause(self, request: HttpRequest, row: Endpoint) -> None:
        """Hold what is due and what comes."""
        verbs.pause_endpoint(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Paused. What comes in is held back and sent after you resume."))

    def act_resume(self, request: HttpRequest, row: Endpoint) -> HttpResponse | None:
        """Send again, with or without the backlog."""
        cancel = request.POST.get("backlog") == "cancel"
        verbs.resume_endpoint(row, actor=self.actor(request), **self.why(request), cancel_backlog=cancel)
        wake([(row.pk, row.lane.slow)])
        messages.success(request, resumed_words(row, cancelled=cancel))
        return None

    def act_verify(self, request: HttpRequest, row: Endpoint) -> None:
        """Ask its URL again."""
        challenges.ask_again(row, actor=self.actor(request))
        messages.success(request, asked_again_words())

    def act_disable(self, request: HttpRequest, row: Endpoint) -> None:
        """Stop sending until somebody resumes."""
        verbs.disable_endpoint(row, actor=self.actor(request), **self.why(request))
        messages.success(request, gettext("Disabled. What comes in is held back."))

    def act_rotate(self, request: HttpRequest, row: Endpoint) -> HttpResponse:
        """Make a new secret and show it once."""
        reason = self.why(request)["reason"]
        secret = verbs.rotate_secret(row, actor=self.actor(request), keep_hours=keep_hours_of(request), reason=reason)
        return self.reveal_secret(request, row, secret)

    def inbox_url(self, row: Endpoint) -> str:
        """Return where the requests to an inbox are looked at; empty where there is no such page."""
        return ""

    # --- saving

    def save_form(self, request: HttpRequest, form: EndpointForm, change: bool) -> Endpoint:
        """Let the service store what was given; nothing is stored when it refuses."""
        if change:
            fields = form.service_fields(create=False)
            return verbs.update_endpoint(form.instance, fields, actor=self.actor(request))
        customer = self.customer_for(request)
        endpoint, secret = verbs.create_endpoint(customer, form.service_fields(create=True), actor=self.actor(request))
        request.secret = secret  # type: ignore[attr-defined]  # for response_add, in this request only
        return endpoint

    @abstractmethod
    def customer_for(self, request: HttpRequest) -> Customer:
        """Return whose endpoint is made."""

    def delete_model(self, request: HttpRequest, obj: Endpoint) -> None:
        """Delete as the service does: the log keeps naming the endpoint."""
        verbs.delete_endpoint(obj, actor=self.actor(request))

    def gone_with(self, row: Endpoint) -> str:
        """Name what goes: the endpoint, not its log."""
        return tell("{url}: its secrets, headers and waiting deliveries", url=row.url)

    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret, this once."""
        return self.reveal_secret(request, obj, request.secret)  # type: ignore[attr-defined]

    def reveal_secret(self, request: HttpRequest, row: Endpoint, secret: str) -> HttpResponse:
        """Show a secret in the answer to the POST that made it; it is kept nowhere."""
        page = Revealed(
            title=gettext("Signing secret"),
            what=tell("the secret that signs requests to {url}", url=row.url),
            value=secret,
            url=self.inbox_url(row) or self.page_url(row),
            test_url=self.acts_for(request, row).get("test", ""),
            profile=profile_of(row.signing),
        )
        return reveal(self, request, page)


@admin.register(Endpoint, site=staff_site)
class StaffEndpoint(EndpointPages):
    """All endpoints, for support."""

    by_operator = True
    may_add = False  # customers register their endpoints, in the portal or by API
    columns = (
        "shown_url",
        "shown_state",
        "shown_health",
        "shown_strip",
        "shown_customer",
        "shown_types",
    )
    filters = (*endpoint_filters.OF_BOTH_SITES, CustomerFilter)
    search_help_text = gettext_noop("Part of the URL or description, ep_ id, or uid")

    shown_customer = customer_column

    def addresses(self, row: Endpoint) -> dict[str, object]:
        """Return where its pages are, and that of its customer."""
        customer_url = self.url("change", row.customer.public_id, model="customer")
        return {**super().addresses(row), "customer_url": customer_url}

    def note_of(self, row: Endpoint) -> str:
        """Return the note of the last change of the state."""
        changes = AuditEntry.objects.filter(object_id=row.public_id, action__in=STATE_ACTS).order_by("-id")
        return changes.values_list("note", flat=True).first() or ""

    def may_act(self, request: HttpRequest, act: str, row: Endpoint) -> bool:
        """Pausing and resuming need less than changing a URL; secrets are the customer's alone."""
        if act == "rotate":
            return False
        if act in SPANS:
            return request.user.has_perm(REDELIVER)
        if act in ("pause", "resume", "test", "verify"):
            may = request.user.has_perm(PAUSE) or self.has_change_permission(request, row)
            return may and (request.method == "POST" or is_open(act, row))
        return super().may_act(request, act, row)


def poll_address(endpoint: Endpoint) -> str:
    """Return where an endpoint is polled; empty for one that is sent to."""
    if not is_polled(endpoint.url):
        return ""
    return f"{conf.base_url}/api/v1/customers/{endpoint.customer.public_id}/endpoints/{endpoint.public_id}/poll"
