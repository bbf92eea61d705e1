"""Members as they see each other: who is one, who is invited, and what an owner does about it.

What lives here: from the browser to services/people/members.py and services/people/invitations.py. It must not know
mail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from deliveries.admin.base.acts import Question, sentence
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import customer_of, has_member_right, member_actor, member_of
from deliveries.errors import HookpostError, InvalidInput
from deliveries.models import Invitation, Member, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.who.member_roles import MEANINGS, MemberRight, MemberRole
from deliveries.services.common.languages import in_words, tell
from deliveries.services.people import invitations
from deliveries.services.people.mail_addresses import EMAIL_LIMIT
from deliveries.services.people.members import change_role, remove_member

if TYPE_CHECKING:
    from deliveries.admin.site.sites import PortalSite

SHOWN = 200
ROLES = [(role.value, role.value) for role in MemberRole]
Row = TypeVar("Row", Member, Invitation)


class InvitationForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.CharField(max_length=EMAIL_LIMIT)
    role = forms.ChoiceField(choices=ROLES, initial=MemberRole.DEVELOPER)


@require_http_methods(["GET", "HEAD", "POST"])
def members_view(request: HttpRequest, *, site: PortalSite) -> HttpResponse:
    """Show who is a member or invited; a POST invites."""
    if request.method != "POST":
        return _page(request, site, InvitationForm())
    _owners_only(request)
    form = InvitationForm(request.POST)
    if form.is_valid():
        try:
            made = invitations.invite(customer_of(request), **form.cleaned_data, actor=member_actor(request))
        except HookpostError as error:
            form.add_error("email" if isinstance(error, InvalidInput) else None, sentence(error))
        else:
            messages.success(
                request,
                tell("An invitation to {email} is on its way. It serves once, within 7 days.", email=made.email),
            )
            return _back(site)
    return _page(request, site, form)


@require_POST
def role_view(request: HttpRequest, object_id: str, *, site: PortalSite) -> HttpResponse:
    """Give a member another role."""
    row = _row_of(request, visible.members, object_id)
    _owners_only(request)
    try:
        change_role(row, request.POST.get("role", ""), actor=member_actor(request))
        name, role = row.user.get_username(), in_words(row.role)
        messages.success(request, tell("The role of {name} from now on: {role}.", name=name, role=role))
    except HookpostError as error:
        messages.error(request, sentence(error))
    return _back(site)


@require_POST
def remove_view(request: HttpRequest, object_id: str, *, site: PortalSite) -> HttpResponse:
    """Take a member out, once that is confirmed."""
    row = _row_of(request, visible.members, object_id)
    _owners_only(request)
    if request.POST.get("confirmed") != "yes":
        return _ask(request, site, row)
    try:
        remove_member(row, actor=member_actor(request))
        messages.success(request, tell("{name} is no member any more.", name=row.user.get_username()))
    except HookpostError as error:
        messages.error(request, sentence(error))
    return _back(site)


@require_POST
def withdraw_view(request: HttpRequest, object_id: str, *, site: PortalSite) -> HttpResponse:
    """End an invitation."""
    row = _row_of(request, visible.invitations, object_id)
    _owners_only(request)
    invitations.withdraw(row, actor=member_actor(request))
    messages.success(request, tell("The invitation of {email} is withdrawn.", email=row.email))
    return _back(site)


def _meanings() -> list[tuple[str, str]]:
    return [(role.value, f"{in_words(role.value)}: {in_words(MEANINGS[role])}") for role in MemberRole]


def _owners_only(request: HttpRequest) -> None:
    if not has_member_right(request, MemberRight.MEMBERS):
        raise PermissionDenied


def _row_of(request: HttpRequest, rows: Callable[[Viewer], QuerySet[Row]], object_id: str) -> Row:
    found = rows(Viewer(customer_id=customer_of(request).pk))
    key = read_id(found.model.PREFIX, object_id)
    row = None if key is None else found.filter(pk=key).first()
    if row is None:
        raise Http404
    return row


def _page(request: HttpRequest, site: PortalSite, form: InvitationForm) -> HttpResponse:
    customer = customer_of(request)
    viewer = Viewer(customer_id=customer.pk)
    context = {
        "title": gettext("Members"),
        "form": form,
        "roles": list(MemberRole),
        "meanings": _meanings(),
        "me": member_of(request),
        "is_owner": has_member_right(request, MemberRight.MEMBERS),
        "members": visible.members(viewer).select_related("user").order_by("id")[:SHOWN],
        "invitations": invitations.open_invitations(customer)[:SHOWN],
    }
    return page_of(site, request, "hookpost/members.html", context)


def _ask(request: HttpRequest, site: PortalSite, row: Member) -> HttpResponse:
    name = row.user.get_username()
    what = tell(
        "{name} is logged out of {customer} at once. Endpoints and API keys that {name} made go on working.",
        name=name,
        customer=row.customer.name,
    )
    title = tell("Remove {name}?", name=name)
    context = {
        "title": gettext("Remove a member"),
        "question": Question(title=title, what=what, button=gettext("Remove"), takes_reason=False, takes_away=True),
        "back_url": reverse(f"{site.name}:members"),
    }
    return page_of(site, request, "hookpost/confirm.html", context)


def _back(site: PortalSite) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"{site.name}:members"))
