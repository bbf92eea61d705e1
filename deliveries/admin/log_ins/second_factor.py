"""The page of the second factor, the same on both sites: asked for at log-in, set up, renewed, removed.

What lives here: from the browser to services/people/second_factor.py and back. What is shown once is in one answer
only.
"""

from __future__ import annotations

from typing import Any, cast

import qrcode
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as remember
from qrcode.image.svg import SvgPathImage

from deliveries.admin.parts.rendering import NEVER_KEPT, page_of
from deliveries.admin.parts.viewer import actor_of
from deliveries.models import Member, SecondFactor
from deliveries.protocol.who.member_roles import BOUND
from deliveries.services.people import second_factor as factors

WRONG = _(
    "This code is not right, was used already, or came too soon after a wrong one. Wait a moment and try the next."
)


@sensitive_post_parameters()
def second_factor_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Serve the step that this person is at."""
    user = cast(AbstractUser, request.user)
    factor = factors.confirmed_factor(user)
    if factor is None:
        acts = {} if _is_for_the_person(request) else {"begin": _begin, "confirm": _confirm}
    elif not user.is_verified():  # type: ignore[attr-defined]
        acts = {"check": _check}
    else:
        acts = {"backup": _backup, "remove": _remove}
    if request.method != "POST":
        return _page(site, request, factor=factor)
    act = acts.get(request.POST.get("act", ""))
    return act(site, request, user) if act is not None else HttpResponseBadRequest("not at this step")


def _is_for_the_person(request: HttpRequest) -> bool:
    """Say whether this is the session of a link, whoever opened it, and the log-in is not that link's alone.

    A factor set up here would lock out whoever has the password, or is a member of other customers too.
    """
    if BOUND not in request.session:
        return False
    user = cast(AbstractUser, request.user)
    return user.has_usable_password() or Member.objects.filter(user_id=user.pk).count() > 1


def _begin(site: AdminSite, request: HttpRequest, user: AbstractUser) -> HttpResponse:
    return _page(site, request, begun=factors.begin_factor(user))


def _confirm(site: AdminSite, request: HttpRequest, user: AbstractUser) -> HttpResponse:
    done = factors.confirm_factor(user, request.POST.get("code", ""))
    if done is None:
        begun = SecondFactor.objects.filter(user_id=user.pk, confirmed=False).first()
        return _page(site, request, begun=begun, wrong=WRONG)
    factor, codes = done
    _remember(request, factor)
    return _page(site, request, factor=factor, codes=codes)


def _check(site: AdminSite, request: HttpRequest, user: AbstractUser) -> HttpResponse:
    factor = factors.check_code(user, request.POST.get("code", ""))
    if factor is None:
        return _page(site, request, factor=factors.confirmed_factor(user), wrong=WRONG)
    _remember(request, factor)
    return HttpResponseRedirect(_next(site, request))


def _backup(site: AdminSite, request: HttpRequest, user: AbstractUser) -> HttpResponse:
    return _page(site, request, factor=factors.confirmed_factor(user), codes=factors.new_backup_codes(user))


def _remove(site: AdminSite, request: HttpRequest, user: AbstractUser) -> HttpResponse:
    factor = factors.check_code(user, request.POST.get("code", ""))
    if factor is None:
        return _page(site, request, factor=factors.confirmed_factor(user), wrong=WRONG)
    factors.remove_factor(factor, actor=actor_of(request))
    messages.success(request, gettext("The second factor was removed."))
    return HttpResponseRedirect(request.path)


def _remember(request: HttpRequest, factor: SecondFactor) -> None:
    request.session.cycle_key()  # who knew the session before the second step does not know it after
    remember(request, factor)


def _next(site: AdminSite, request: HttpRequest) -> str:
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse(f"{site.name}:index")


def _page(
    site: AdminSite,
    request: HttpRequest,
    *,
    factor: SecondFactor | None = None,
    begun: SecondFactor | None = None,
    codes: list[str] | None = None,
    wrong: str = "",
) -> HttpResponse:
    user = cast(AbstractUser, request.user)
    context = {
        "title": gettext("Second factor"),
        "factor": factor,
        "begun": begun,
        "qr": begun and _qr(begun.open_uri()),
        "asked": factor is not None and not user.is_verified(),  # type: ignore[attr-defined]
        "required": factors.is_required(user),
        "is_for_the_person": factor is None and _is_for_the_person(request),
        "codes": codes,
        "wrong": wrong and gettext(wrong),
        "next_url": _next(site, request),
    }
    template = "hookpost/second_factor_asked.html" if context["asked"] else "hookpost/second_factor.html"
    return page_of(site, request, template, context, headers=NEVER_KEPT)


def _qr(text: str) -> SafeString:
    picture: Any = qrcode.make(text, image_factory=SvgPathImage, border=2)
    return SafeString(picture.to_string(encoding="unicode"))  # drawn here; the text is dots in it
