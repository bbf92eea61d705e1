"""The first steps on the portal's front page, each ticked once it is done.

What lives here: their words and where each is done. It must not know how it is found out what is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from deliveries.admin.parts.viewer import customer_of, has_member_right, member_actor
from deliveries.models import visible
from deliveries.models.visible import Viewer
from deliveries.protocol.who.member_roles import MemberRight
from deliveries.services.people.first_steps import FirstStep, dismiss, steps_done

if TYPE_CHECKING:
    from deliveries.admin.site.sites import PortalSite

# What it is called, what it is, and what the button says.
WORDS = {
    FirstStep.ENDPOINT: (
        gettext_noop("Register an endpoint"),
        gettext_noop("The URL of your own that events are sent to; without a server yet, an inbox here."),
        gettext_noop("Register"),
    ),
    FirstStep.ANSWERED: (
        gettext_noop("Send it a test event"),
        gettext_noop("Its page shows what your receiver answered."),
        gettext_noop("Open the endpoint"),
    ),
    FirstStep.ARRIVED: (
        gettext_noop("Check the signature and answer 2xx"),
        gettext_noop("What is answered with anything else is sent again later."),
        gettext_noop("See the code"),
    ),
    FirstStep.EVENT: (
        gettext_noop("The first real event"),
        gettext_noop("It comes by itself, once something happens that you are told of."),
        "",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """One step; `url` is where it is done, empty where there is nothing to do or it is another's turn."""

    title: str
    what: str
    button: str
    is_done: bool
    is_next: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSteps:
    """All of them, and where they are dismissed by who may."""

    steps: Sequence[ShownStep]
    dismiss_url: str


def shown_steps(request: HttpRequest, *, site_name: str) -> ShownSteps | None:
    """Return the steps of the member's customer; None when there is nothing left to show."""
    customer = customer_of(request)
    done = steps_done(customer)
    if done is None:
        return None
    may_change = has_member_right(request, MemberRight.CHANGE)
    coming = next((step for step in FirstStep if step not in done), None)
    url = _place_of(coming, Viewer(customer_id=customer.pk), site_name) if may_change else ""
    steps = [
        ShownStep(
            title=title,
            what=what,
            button=button,
            is_done=step in done,
            is_next=step == coming,
            url=url if step == coming else "",
        )
        for step, (title, what, button) in WORDS.items()
    ]
    return ShownSteps(steps=steps, dismiss_url=reverse(f"{site_name}:first_steps_dismiss") if may_change else "")


def _place_of(step: FirstStep | None, viewer: Viewer, site_name: str) -> str:
    if step == FirstStep.ENDPOINT:
        return reverse(f"{site_name}:deliveries_endpoint_add")
    if step == FirstStep.ARRIVED:
        return reverse(f"{site_name}:receiving")
    if step == FirstStep.ANSWERED:
        newest = visible.endpoints(viewer).order_by("-id").first()
        return reverse(f"{site_name}:deliveries_endpoint_change", args=[newest.public_id]) if newest else ""
    return ""


@require_POST
def dismiss_view(request: HttpRequest, *, site: PortalSite) -> HttpResponse:
    """Show them no more."""
    dismiss(customer_of(request), actor=member_actor(request))
    return HttpResponseRedirect(reverse(f"{site.name}:index"))
