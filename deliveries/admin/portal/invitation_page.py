"""The page behind the link of an invitation: join with the log-in that one has, or choose a password.

What lives here: from the browser to services/people/invitations.py. Opening the link changes nothing, because mail
scanners open links too. Whether an address has a log-in is told here alone, to whom its mail was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from deliveries.admin.base.acts import sentence
from deliveries.admin.log_ins.set_password import NewPasswordForm
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import choose_member, memberships_of
from deliveries.errors import HookpostError
from deliveries.models import Invitation, Member
from deliveries.protocol.who.member_roles import BOUND
from deliveries.services.common.languages import in_words, tell
from deliveries.services.link_backend import LINK_BACKEND
from deliveries.services.people import invitations
from deliveries.services.people.brands import brand_of
from deliveries.services.people.members import names_of_person

if TYPE_CHECKING:
    from deliveries.admin.site.sites import PortalSite


@never_cache
@csrf_protect
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_view(request: HttpRequest, token: str, *, site: PortalSite) -> HttpResponse:
    """Show what the invitation is; a POST uses it up. Who is half logged in shows the second factor first."""
    step = None if BOUND in request.session else site.second_step(request)
    return step or _invitation_page(request, token, site)


def _invitation_page(request: HttpRequest, token: str, site: PortalSite) -> HttpResponse:
    invitation = invitations.find_invitation(token)
    if invitation is None:
        return _page(request, site, {"title": gettext("This invitation does not work any more")}, status=410)
    person = get_user_model()(**names_of_person(invitation.email, invitation.email))
    form, trouble = NewPasswordForm(person, request.POST if request.POST.get("act") == "new" else None), ""
    try:
        if member := _accept(request, invitation, form):
            choose_member(request, member)
            messages.success(request, _welcome(member))
            return HttpResponseRedirect(reverse(f"{site.name}:index"))
    except HookpostError as error:
        trouble = sentence(error)
    context = {
        "title": tell("Join {customer}", customer=invitation.customer.name),
        "invitation": invitation,
        "form": form,
        "trouble": trouble,
        "is_known": invitations.has_log_in(invitation.email),
        "is_logged_in": _is_whole(request),
        "login_url": f"{reverse(f'{site.name}:login')}?{urlencode({'next': request.path})}",
    }
    return _page(request, site, context)


def _welcome(member: Member) -> str:
    return tell(
        "Welcome to {customer}. Your role here: {role}.", customer=member.customer.name, role=in_words(member.role)
    )


def _accept(request: HttpRequest, invitation: Invitation, form: NewPasswordForm) -> Member | None:
    """Use the invitation up by what was pressed; None when there is nothing to do, or the password is refused."""
    act = request.POST.get("act", "")
    if act == "join" and _is_whole(request):
        return invitations.accept_as(invitation, cast(User, request.user))
    if act == "new" and form.is_valid():
        member = invitations.accept_with_password(invitation, form.cleaned_data["new_password1"])
        login(request, member.user, backend=LINK_BACKEND)
        return member
    return None


def _is_whole(request: HttpRequest) -> bool:
    """Say whether this is the session of a member that a portal link did not begin: such a one is for one customer."""
    return bool(memberships_of(request)) and BOUND not in request.session


def _page(request: HttpRequest, site: PortalSite, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    invitation = context.get("invitation")
    brand = brand_of(invitation.customer) if isinstance(invitation, Invitation) else None
    return page_of(site, request, "hookpost/invitation.html", context, brand=brand, status=status)
