"""Who looks at a page, in the words of the floors below.

What lives here: from a request to the viewer, the actor and their rights. It must not know pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.http import HttpRequest
from django.templatetags.static import static

from deliveries.models import Customer, Member
from deliveries.protocol.who.actor_names import name_person
from deliveries.protocol.who.member_roles import BOUND, CHOSEN, READ_ONLY, THEME, MemberRight, has_right
from deliveries.services.common.site_links import IS_EMBEDDED


class PortalRequest(HttpRequest):
    """A request that knows whose it is, once that was asked."""

    memberships: Sequence[Member]


def memberships_of(request: HttpRequest) -> Sequence[Member]:
    """Return what the person is a member of, as far as this session reaches; looked up once a request."""
    if not hasattr(request, "memberships"):
        found: list[Member] = []
        if request.user.is_authenticated:
            rows = Member.objects.select_related("customer").filter(user_id=request.user.pk)
            if bound := request.session.get(BOUND):
                rows = rows.filter(pk=bound)
            found = list(rows.order_by("id"))
        cast(PortalRequest, request).memberships = found
    return cast(PortalRequest, request).memberships


def member_of(request: HttpRequest) -> Member | None:
    """Return the member that is logged in: of several the chosen one, else the oldest."""
    members = memberships_of(request)
    if not members:
        return None
    chosen = request.session.get(CHOSEN)
    return next((member for member in members if str(member.pk) == chosen), members[0])


def choose_member(request: HttpRequest, member: Member) -> None:
    """Look with this member's eyes from now on."""
    request.session[CHOSEN] = str(member.pk)


def has_member_right(request: HttpRequest, right: MemberRight) -> bool:
    """Say whether the member may do more than look: the one place where pages of the portal ask."""
    member = member_of(request)
    return member is not None and not request.session.get(READ_ONLY) and has_right(member.role, right)


def framed_context(request: HttpRequest) -> dict[str, object]:
    """Return what pages of a portal link's session have besides: its colours; in a frame, what tells its height."""
    found: dict[str, object] = {}
    if theme := request.session.get(THEME):
        found["theme"] = theme
    if request.META.get(IS_EMBEDDED):
        found["framed_script"] = static("hookpost/framed.js")
    return found


def customer_of(request: HttpRequest) -> Customer:
    """Return the customer whose portal this is; only behind the portal's log-in."""
    member = member_of(request)
    if member is None:
        raise PermissionError("a portal page was reached without a member")
    return member.customer


def actor_of(request: HttpRequest) -> str:
    """Return how the audit trail names somebody of staff."""
    return name_person(request.user.get_username())


def member_actor(request: HttpRequest) -> str:
    """Return how the audit trail names a member."""
    return name_person(request.user.get_username(), is_member=True)
