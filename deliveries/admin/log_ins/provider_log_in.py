"""The log-in of staff by the provider: on the way there, and back.

What lives here: the two addresses, and what the browser keeps of a log-in under way: state, nonce and PKCE's verifier,
in a cookie that we sign and that counts once, for ten minutes. Strangers who begin log-ins leave nothing on the server.
Source: OpenID Connect Core 1.0, 3.1.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.models import User
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deliveries.admin.log_ins.provider_log_out import keep_token
from deliveries.admin.log_ins.staff_log_in import REFUSED
from deliveries.conf import conf
from deliveries.errors import LogInRefused
from deliveries.protocol.who.log_in_refusals import Refusal
from deliveries.protocol.who.open_id import PendingLogIn, begin, code_of, log_in_url
from deliveries.protocol.who.staff_claims import Identity, identity_of
from deliveries.services.common import clock
from deliveries.services.common.site_links import STAFF, url_of
from deliveries.services.people.oidc_provider import Vouched, find_provider, is_wanted, vouched
from deliveries.services.people.second_factor import SHOWN_TO_PROVIDER
from deliveries.services.people.staff_identities import admit, record_refusal

BACKEND = "django.contrib.auth.backends.ModelBackend"
SALT = "hookpost.provider_log_in"
BEGUN_SECONDS = 600
NEXT_LIMIT = 1000
RANDOM_BYTES = 32


@never_cache
@require_GET
def begin_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Send the browser to the provider. A link leads here, for a form may not lead to another host (CSP)."""
    _need_provider()
    try:
        provider = find_provider()
    except LogInRefused as refused:
        record_refusal(refused, identity=None)
        return _refused(site, refused, next_path=_wanted(request))
    begun = begin(lambda: secrets.token_urlsafe(RANDOM_BYTES), next_path=_wanted(request))
    asked = log_in_url(
        provider, begun, client_id=conf.oidc_client_id, scopes=conf.oidc_scopes, back_to=url_of(STAFF, "provider_back")
    )
    answer = HttpResponseRedirect(asked)
    _keep(answer, begun)
    return answer


@never_cache
@require_GET
def back_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Log in whoever comes back from the provider, or say on the log-in page why not."""
    _need_provider()
    begun, identity = _kept(request), None
    try:
        said = _said(request, begun)
        identity = identity_of(said.claims, role_claim=conf.oidc_role_claim, strong=conf.oidc_second_factor)
        _let_in(request, admit(identity), identity, said)
        answer = HttpResponseRedirect(_next(request, site, begun))
    except LogInRefused as refused:
        record_refusal(refused, identity=identity)
        answer = _refused(site, refused, next_path=begun.next_path if begun else "")
    answer.delete_cookie(_cookie())
    return answer


def _said(request: HttpRequest, begun: PendingLogIn | None) -> Vouched:
    if begun is None:
        raise LogInRefused(Refusal.STALE, "no log-in is under way in this browser")
    code = code_of(request.GET.dict(), begun, find_provider())
    return vouched(code, begun, back_to=url_of(STAFF, "provider_back"))


def _need_provider() -> None:
    if not is_wanted():
        raise Http404


def _let_in(request: HttpRequest, user: User, identity: Identity, said: Vouched) -> None:
    """Begin a session, which ends after some hours whatever is done in it: then the groups are asked for anew."""
    login(request, user, backend=BACKEND)
    request.session.set_expiry(clock.likely_now() + timedelta(hours=conf.oidc_session_hours))
    request.session[SHOWN_TO_PROVIDER] = identity.is_strong
    keep_token(request, said.token)


def _refused(site: AdminSite, refused: LogInRefused, *, next_path: str) -> HttpResponseRedirect:
    asked = {REFUSED: refused.reason, **({REDIRECT_FIELD_NAME: next_path} if next_path else {})}
    return HttpResponseRedirect(f"{reverse(f'{site.name}:login')}?{urlencode(asked)}")


def _wanted(request: HttpRequest) -> str:
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    return wanted if len(wanted) <= NEXT_LIMIT and _leads_here(request, wanted) else ""


def _next(request: HttpRequest, site: AdminSite, begun: PendingLogIn | None) -> str:
    wanted = begun.next_path if begun else ""
    return wanted if _leads_here(request, wanted) else reverse(f"{site.name}:index")


def _leads_here(request: HttpRequest, address: str) -> bool:
    return url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def _cookie() -> str:
    """Return the cookie's name; over https no other host can set one of such a name."""
    return f"{'__Host-' if settings.SESSION_COOKIE_SECURE else ''}hookpost_staff_log_in"


def _keep(answer: HttpResponse, begun: PendingLogIn) -> None:
    kept = signing.dumps([begun.state, begun.nonce, begun.verifier, begun.next_path], salt=SALT)
    secure = settings.SESSION_COOKIE_SECURE
    answer.set_cookie(_cookie(), kept, max_age=BEGUN_SECONDS, secure=secure, httponly=True, samesite="Lax")


def _kept(request: HttpRequest) -> PendingLogIn | None:
    try:
        kept = signing.loads(request.COOKIES.get(_cookie(), ""), salt=SALT, max_age=BEGUN_SECONDS)
    except signing.BadSignature:
        return None
    state, nonce, verifier, next_path = kept
    return PendingLogIn(state=state, nonce=nonce, verifier=verifier, next_path=next_path)
