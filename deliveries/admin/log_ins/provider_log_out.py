"""The log-out of staff who came by the provider: its session ends too, where it offers that.

What lives here: the provider's token, kept sealed in the session until then, and the page that leads there. The page
goes on by itself and by a link: a form, as the log-out is, may not lead to another host (CSP).
Source: OpenID Connect RP-Initiated Logout 1.0.
"""

from __future__ import annotations

import base64
from uuid import NAMESPACE_OID, UUID, uuid5

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from deliveries.admin.log_ins.staff_log_in import provider_name
from deliveries.admin.parts.rendering import NEVER_KEPT, page_of
from deliveries.conf import conf
from deliveries.errors import CannotDecrypt, LogInRefused
from deliveries.models.keyring import seal, unseal
from deliveries.protocol.who.open_id import log_out_url
from deliveries.services.common.site_links import STAFF, url_of
from deliveries.services.people.oidc_provider import find_provider, is_wanted

TOKEN = "hookpost_provider_token"  # noqa: S105  # where a session keeps it


def keep_token(request: HttpRequest, token: str) -> None:
    """Keep the provider's token, with which it is told whose session ends."""
    request.session[TOKEN] = base64.b64encode(seal(token.encode(), row_id=_row_of(request))).decode()


def came_by_provider(request: HttpRequest) -> bool:
    """Say whether this session began at the provider: then there is no password to change."""
    return TOKEN in request.session


def kept_token(request: HttpRequest) -> str | None:
    """Return the provider's token, empty if it cannot be opened any more; None for a log-in that was not by it."""
    kept = request.session.get(TOKEN)
    if not isinstance(kept, str):
        return None
    try:
        return unseal(base64.b64decode(kept), row_id=_row_of(request)).decode()
    except CannotDecrypt:
        return ""


def leave_provider(site: AdminSite, request: HttpRequest, token: str | None) -> HttpResponse | None:
    """Return the page that leads to the end of the provider's session; None where there is none to end."""
    if token is None or not is_wanted():
        return None
    try:
        provider = find_provider()
    except LogInRefused:
        return None
    if not provider.end_session_url:
        return None
    back_to = url_of(STAFF, "login")
    context = {
        "title": gettext("Logged out"),
        "provider_name": provider_name(),
        "leave_url": log_out_url(provider, client_id=conf.oidc_client_id, token=token, back_to=back_to),
    }
    return page_of(site, request, "hookpost/logged_out.html", context, headers=NEVER_KEPT)


def _row_of(request: HttpRequest) -> UUID:
    return uuid5(NAMESPACE_OID, f"hookpost session of {request.user.pk}")
