"""Each site has its own cookies: what one site sets, the other never reads.

What lives here: which site an address belongs to, and the names of its cookies. Django knows one name for a cookie;
this middleware gives it each site's own one under that name, and renames what Django sets. So a session of the portal
opens no door of the staff site, and opening a portal link logs nobody out of the staff site.
It must not know who is logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from deliveries.services.common.site_links import EMBEDDED_PREFIX, IS_EMBEDDED

Respond = Callable[[HttpRequest], HttpResponse]

STAFF, PORTAL, EMBEDDED = "staff", "portal", "embedded"
SITES = (STAFF, PORTAL, EMBEDDED)
STAFF_PATH = "/admin/"
# A cookie that a frame in another site's page is sent, in a jar of that page's own. Python's cookies do not know the
# last word yet, so it goes along with the one before.
IN_FRAMES = {"samesite": "None; Partitioned", "secure": "true", "path": f"{EMBEDDED_PREFIX}/"}


def site_of(request: HttpRequest) -> str:
    """Return the site that is asked; whatever is not the staff site's is the portal's, in a frame or not."""
    if request.META.get(IS_EMBEDDED):
        return EMBEDDED
    return STAFF if request.path_info.startswith(STAFF_PATH) else PORTAL


def session_cookie(site: str) -> str:
    """Return the name of a site's session cookie; over https no other host can set a cookie of such a name."""
    return _own_name(site, "session", secure=settings.SESSION_COOKIE_SECURE)


def csrf_cookie(site: str) -> str:
    """Return the name of the cookie that a site's forms are checked against."""
    return _own_name(site, "csrf", secure=settings.CSRF_COOKIE_SECURE)


def site_cookies(respond: Respond) -> Respond:
    """Middleware: show Django the cookies of the site that is asked, and set them under that site's names."""

    def answer(request: HttpRequest) -> HttpResponse:
        site = site_of(request)
        names = _names(site)
        for plain, own in names.items():
            request.COOKIES.pop(plain, None)
            if own in request.COOKIES:
                request.COOKIES[plain] = request.COOKIES[own]
        response = respond(request)
        for plain, own in names.items():
            _rename(response.cookies, plain, own)
            if site == EMBEDDED and own in response.cookies:
                response.cookies[own].update(IN_FRAMES)
        return response

    return answer


def _names(site: str) -> dict[str, str]:
    return {settings.SESSION_COOKIE_NAME: session_cookie(site), settings.CSRF_COOKIE_NAME: csrf_cookie(site)}


def _own_name(site: str, use: str, *, secure: bool) -> str:
    prefix = "__Host-" if secure and site != EMBEDDED else ""  # which takes the path /
    return f"{prefix}hookpost_{site}_{use}"


def _rename(cookies: SimpleCookie, plain: str, own: str) -> None:
    if plain in cookies:
        given = cookies.pop(plain)
        cookies[own] = given.value
        cookies[own].update({name: value for name, value in given.items() if value})
