"""Middleware: the portal once more below /embedded/, for frames in the operator's own pages, and there alone.

What lives here: what differs there: the addresses, who may frame them, the script that tells a page how high the portal
is, and the element that listens. Nothing but the portal and its log-in links is below this path; the staff site is not.
Without HOOKPOST_FRAME_ANCESTORS there is no such path. It must not know a page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

import deliveries
from deliveries.conf import conf
from deliveries.services.common.site_links import EMBEDDED_PREFIX, IS_EMBEDDED

Respond = Callable[[HttpRequest], HttpResponse]

FRAMED = ("/portal/", "/portal-link")
ELEMENT = "/portal.js"
ELEMENT_FILE = Path(deliveries.__file__).parent / "static/hookpost/portal-element.js"


def embedded_portal(respond: Respond) -> Respond:
    """Serve what is below /embedded/ as if it stood at the root, and let those frame it who may."""

    def answer(request: HttpRequest) -> HttpResponse:
        inner = request.path_info.removeprefix(EMBEDDED_PREFIX)
        if not conf.frame_ancestors or inner == request.path_info:
            return respond(request)
        if inner == ELEMENT:
            return _element()
        if not inner.startswith(FRAMED):
            return respond(request)
        before = get_script_prefix()
        request.META["SCRIPT_NAME"] = EMBEDDED_PREFIX
        request.META[IS_EMBEDDED] = True
        request.path_info = inner
        set_script_prefix(f"{EMBEDDED_PREFIX}/")
        try:
            return _let_frame(respond(request))
        finally:
            set_script_prefix(before)

    return answer


def _let_frame(response: HttpResponse) -> HttpResponse:
    policy = response.headers.get("Content-Security-Policy", "")
    allowed = " ".join(conf.frame_ancestors)
    response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", f"frame-ancestors {allowed}")
    del response.headers["X-Frame-Options"]
    return response


def _element() -> HttpResponse:
    headers = {
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "public, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(_element_text(), content_type="text/javascript; charset=utf-8", headers=headers)


@lru_cache(maxsize=1)
def _element_text() -> str:
    return ELEMENT_FILE.read_text()
