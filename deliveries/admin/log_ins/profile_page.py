"""One's own log-in: what one is, how one gets in, and what one did lately; the same page on both sites.

What lives here: from the browser to services/ (sessions, own time zone) and the audit trail. It must not know other
people.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import logout
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from deliveries.admin.base.acts import sentence, typed_again
from deliveries.admin.log_ins.provider_log_out import came_by_provider
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import actor_of, member_actor, memberships_of
from deliveries.admin.words.audit_actions import action_in_words
from deliveries.admin.words.audit_words import in_lines
from deliveries.errors import InvalidInput
from deliveries.models import AuditEntry, visible
from deliveries.models.visible import OPERATOR
from deliveries.protocol.who.member_roles import BOUND, MEANINGS, MemberRole
from deliveries.protocol.who.staff_roles import MEANINGS as STAFF_MEANINGS
from deliveries.services.common.languages import (
    IN_SESSION,
    LANGUAGES,
    are_chosen_here,
    check_language,
    choose_language,
    language_of,
    said_by,
    speaking,
    tell,
)
from deliveries.services.common.own_time import choose_zone, zone_of
from deliveries.services.common.site_links import STAFF
from deliveries.services.common.statement_timeout import TooSlow, at_most
from deliveries.services.people.role_groups import role_of
from deliveries.services.people.second_factor import confirmed_factor
from deliveries.services.people.staff_sessions import counts_sessions, end_sessions

ACTS_SHOWN = 50
LOOK_SECONDS = 1.0


@require_http_methods(["GET", "HEAD", "POST"])
def profile_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Show one's own log-in; a POST chooses its time zone, or ends all its sessions, this one too."""
    user = cast(AbstractUser, request.user)
    ends = counts_sessions() and BOUND not in request.session  # a link's session is for one customer, and ends alone
    done = _act(request, user, site, ends=ends) if request.method == "POST" else {}
    if isinstance(done, HttpResponse):
        return done
    own = [] if site.name == STAFF else memberships_of(request)
    customers = {member.customer_id: member.customer.name for member in own}
    context = {
        "title": gettext("Profile"),
        "person": user,
        "chosen_zone": zone_of(user),
        "roles": _roles(request, user, site),
        "mails": own,
        "factor": confirmed_factor(user),
        "by_provider": came_by_provider(request),
        "ends_sessions": ends,
        "languages": list(LANGUAGES.items()) if are_chosen_here() else (),
        "language": _language(request, user),
        "acts": [_shown(entry, customers) for entry in _acts(request, site)],
        "is_of_several": len(customers) > 1,
        **done,
    }
    return page_of(site, request, "hookpost/profile.html", context)


def _act(request: HttpRequest, user: AbstractUser, site: AdminSite, *, ends: bool) -> HttpResponse | dict[str, object]:
    """Do what was asked for; returns what follows, or what the page says of what is refused."""
    if "time_zone" in request.POST:
        return _choose_zone(request, user) or HttpResponseRedirect(reverse(f"{site.name}:profile"))
    if request.POST.get("act") == "language":
        return _choose_language(request, user)
    if not ends:
        raise PermissionDenied
    end_sessions(user)
    logout(request)
    messages.success(request, gettext("You are logged out everywhere."))
    return HttpResponseRedirect(reverse(f"{site.name}:login"))


def _choose_zone(request: HttpRequest, user: AbstractUser) -> dict[str, object]:
    """Keep the choice; returns what the page says of one that is refused."""
    try:
        zone = choose_zone(user, request.POST["time_zone"])
        if zone:
            messages.success(request, tell("Beside UTC you read times of {zone}.", zone=zone))
        else:
            messages.success(request, gettext("Beside UTC you read times of your browser."))
    except InvalidInput as error:
        words = tell("There is no such time zone: write {what}.", what=said_by(error))
        return {**typed_again(request, error), "wrong_words": words}
    return {}


def _choose_language(request: HttpRequest, user: AbstractUser) -> HttpResponse:
    """Keep the choice for the person and this session; a portal link's session, one of many, speaks for itself."""
    language = request.POST.get("language", "")
    try:
        if BOUND in request.session:
            check_language(language)
        else:
            choose_language(user, language)
    except InvalidInput as error:
        messages.error(request, sentence(error))
        return HttpResponseRedirect(request.path)
    request.session[IN_SESSION] = language
    with speaking(language) if language else nullcontext():
        messages.success(request, gettext("The language is kept."))
    return HttpResponseRedirect(request.path)


def _language(request: HttpRequest, user: AbstractUser) -> str:
    return str(request.session.get(IN_SESSION, "")) if BOUND in request.session else language_of(user.pk)


def _roles(request: HttpRequest, user: AbstractUser, site: AdminSite) -> list[tuple[str, str, str]]:
    """Return where somebody is what, and what that means."""
    if site.name == STAFF:
        role = role_of(user)
        return [
            (
                gettext("Staff"),
                role or gettext("of your own"),
                STAFF_MEANINGS[role] if role else gettext("what your groups and permissions say"),
            )
        ]
    return [(each.customer.name, each.role, MEANINGS[MemberRole(each.role)]) for each in memberships_of(request)]


def _acts(request: HttpRequest, site: AdminSite) -> list[AuditEntry]:
    """Return what somebody did lately, as far as this site shows it; nothing where the trail is too long to look."""
    if site.name == STAFF:
        entries = visible.audit_entries(OPERATOR).filter(actor=actor_of(request))
    else:
        customers = [member.customer_id for member in memberships_of(request)]
        entries = AuditEntry.objects.filter(customer_id__in=customers, actor=member_actor(request))
    try:
        with at_most(seconds=LOOK_SECONDS):
            return list(entries.order_by("-id")[:ACTS_SHOWN])
    except TooSlow:
        return []


def _shown(entry: AuditEntry, customers: Mapping[UUID, str]) -> dict[str, object]:
    shown = {name: getattr(entry, name) for name in ("at", "object_id", "reason")}
    return {
        **shown,
        "action": action_in_words(entry.action),
        "customer": customers.get(entry.customer_id, "") if entry.customer_id else "",
        "detail": list(in_lines(entry.detail)),
    }
