"""Who looks at a page, in the words of the floors below.

What lives here: from a request to the viewer and the actor. It must not know pages.
"""

from __future__ import annotations

from django.http import HttpRequest

from deliveries.models import Customer, Member
from deliveries.protocol.actor_names import name_person


def member_of(request: HttpRequest) -> Member | None:
    """Return the member that is logged in, looked up once a request."""
    if not hasattr(request, "_member"):
        found = None
        if request.user.is_authenticated:
            found = Member.objects.select_related("customer").filter(user_id=request.user.pk).first()
        request._member = found  # type: ignore[attr-defined]
    member: Member | None = request._member  # type: ignore[attr-defined]
    return member


def customer_of(request: HttpRequest) -> Customer:
    """Return the customer whose portal this is; only behind the portal's log-in."""
    member = member_of(request)
    if member is None:
        raise PermissionError("a portal page was reached without a member")
    return member.customer


def actor_of(request: HttpRequest) -> str:
    """Return how the audit trail names somebody of staff."""
    return name_person(request.user.get_username())
