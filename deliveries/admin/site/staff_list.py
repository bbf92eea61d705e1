"""Staff, for owners: who is one, as what, and whether they get in.

What lives here: from the browser to services/people/staff.py. It must not know the rules, nor mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST

from deliveries.admin.base.acts import Question, sentence
from deliveries.admin.base.reveal import Revealed
from deliveries.admin.log_ins.staff_log_in import provider_name
from deliveries.admin.parts.rendering import NEVER_KEPT, page_of
from deliveries.admin.parts.viewer import actor_of
from deliveries.errors import HookpostError, InvalidInput
from deliveries.models import PasswordMail, SecondFactor
from deliveries.protocol.who.staff_roles import MEANINGS, StaffRole
from deliveries.services.common.languages import in_words, tell
from deliveries.services.common.site_links import STAFF, path_of
from deliveries.services.people import staff as verbs
from deliveries.services.people.mail_addresses import EMAIL_LIMIT
from deliveries.services.people.password_links import link_parts, mail_link, reaches_mail
from deliveries.services.people.role_groups import role_of
from deliveries.services.people.staff_identities import with_identity
from deliveries.services.people.staff_sessions import counts_sessions

if TYPE_CHECKING:
    from deliveries.admin.site.sites import StaffSite

SHOWN = 200
ROLES = [(role.value, role.value) for role in StaffRole]
Act = Callable[[HttpRequest, User], HttpResponse | None]


class StaffForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.CharField(max_length=EMAIL_LIMIT)
    role = forms.ChoiceField(choices=ROLES, initial=StaffRole.SUPPORT)


@require_http_methods(["GET", "HEAD", "POST"])
def staff_list_view(request: HttpRequest, *, site: StaffSite) -> HttpResponse:
    """Show everybody of staff; a POST invites."""
    _owners_only(request)
    form = StaffForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = verbs.invite_staff(**form.cleaned_data, actor=actor_of(request))
            return _send_link(request, user) or _back(site)
        except HookpostError as error:
            form.add_error("email" if isinstance(error, InvalidInput) else None, sentence(error))
    return _page(request, site, form)


@require_POST
def staff_act_view(request: HttpRequest, key: str, act: str, *, site: StaffSite) -> HttpResponse:
    """Do something about somebody of staff, once it is confirmed where they would notice."""
    _owners_only(request)
    if act not in ACTS:
        raise Http404
    user = _user_or_404(key)
    if act in QUESTIONS and request.POST.get("confirmed") != "yes":
        return _ask(request, site, user, act)
    try:
        return ACTS[act](request, user) or _back(site)
    except HookpostError as error:
        messages.error(request, sentence(error))
    return _back(site)


def _role(request: HttpRequest, user: User) -> None:
    verbs.change_staff_role(user, request.POST.get("role", ""), actor=actor_of(request))
    messages.success(
        request,
        tell(
            "The role of {name} from now on: {role}.",
            name=user.get_username(),
            role=in_words(request.POST.get("role", "")),
        ),
    )


def _off(request: HttpRequest, user: User) -> None:
    verbs.switch_staff(user, on=False, actor=actor_of(request))
    messages.success(request, tell("{name} is logged out and does not get in any more.", name=user.get_username()))


def _on(request: HttpRequest, user: User) -> None:
    verbs.switch_staff(user, on=True, actor=actor_of(request))
    messages.success(request, tell("{name} may log in again.", name=user.get_username()))


def _end_sessions(request: HttpRequest, user: User) -> None:
    verbs.end_staff_sessions(user, actor=actor_of(request))
    messages.success(request, tell("{name} is logged out everywhere.", name=user.get_username()))


def _reset_factor(request: HttpRequest, user: User) -> None:
    verbs.reset_second_factor(user, actor=actor_of(request))
    messages.success(request, tell("The second factor of {name} was removed.", name=user.get_username()))


def _send_link(request: HttpRequest, user: User) -> HttpResponse | None:
    """Mail the link that sets a password; without a mail server it is shown, once, to be handed over."""
    verbs.record_link(user, actor=actor_of(request))
    if reaches_mail() and getattr(user, user.get_email_field_name()):
        mail_link(user, PasswordMail.Kind.INVITED)
        messages.success(request, tell("A mail with a link is on its way to {name}.", name=user.get_username()))
        return None
    from deliveries.admin.site.sites import staff_site  # which has this page

    what = tell(
        "the link with which {name} sets a password, once, within three days; no mail is sent",
        name=user.get_username(),
    )
    url = request.build_absolute_uri(path_of(STAFF, "set_password", *link_parts(user)))
    revealed = Revealed(title=gettext("Link for the log-in"), what=what, value=url, url=reverse(f"{STAFF}:staff_list"))
    context = {"title": revealed.title, "revealed": revealed}
    return page_of(staff_site, request, "hookpost/revealed.html", context, headers=NEVER_KEPT)


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "role": _role,
        "off": _off,
        "on": _on,
        "end-sessions": _end_sessions,
        "reset-factor": _reset_factor,
        "link": _send_link,
    }
)
QUESTIONS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "off": (
            gettext_noop("Switch {name} off?"),
            gettext_noop("They are logged out at once and cannot log in. What they did stays."),
            gettext_noop("Switch off"),
        ),
        "end-sessions": (
            gettext_noop("Log {name} out?"),
            gettext_noop("All their sessions end at once, on both sites."),
            gettext_noop("Log out everywhere"),
        ),
        "reset-factor": (
            gettext_noop("Remove the second factor of {name}?"),
            gettext_noop(
                "They are logged out, and the password alone lets them in until they set up another. "
                "Be sure who asks you."
            ),
            gettext_noop("Remove it"),
        ),
    }
)


def _owners_only(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied


def _user_or_404(key: str) -> User:
    try:
        user = verbs.staff_users().filter(pk=get_user_model()._meta.pk.to_python(key)).first()
    except (ValidationError, ValueError, OverflowError):
        user = None
    if user is None:
        raise Http404
    return user


def _page(request: HttpRequest, site: StaffSite, form: StaffForm) -> HttpResponse:
    users = list(verbs.staff_users().order_by("-is_active", get_user_model().USERNAME_FIELD)[:SHOWN])
    factors = set(SecondFactor.objects.filter(user__in=users, confirmed=True).values_list("user_id", flat=True))
    by_provider = with_identity(users)
    context = {
        "title": gettext("Staff"),
        "form": form,
        "roles": list(StaffRole),
        "meanings": [(role.value, f"{in_words(role.value)}: {in_words(MEANINGS[role])}") for role in StaffRole],
        "reaches_mail": reaches_mail(),
        "counts_sessions": counts_sessions(),
        "provider_name": provider_name(),
        "staff": [(user, role_of(user), user.pk in factors, user.pk in by_provider) for user in users],
    }
    return page_of(site, request, "hookpost/staff.html", context)


def _ask(request: HttpRequest, site: StaffSite, user: User, act: str) -> HttpResponse:
    title, what, button = QUESTIONS[act]
    question = Question(
        title=tell(title, name=user.get_username()),
        what=gettext(what),
        button=gettext(button),
        takes_reason=False,
        takes_away=act != "end-sessions",
    )
    context = {
        "title": gettext("Staff"),
        "question": question,
        "back_url": reverse(f"{site.name}:staff_list"),
    }
    return page_of(site, request, "hookpost/confirm.html", context)


def _back(site: StaffSite) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"{site.name}:staff_list"))
