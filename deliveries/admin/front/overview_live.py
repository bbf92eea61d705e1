"""The part of both front pages that keeps itself up to date: what fails, the chart, the figures and the lists.

What lives here: that part as HTML, and the answer that nothing is new. It must not know the frame around it, nor how a
figure is found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from deliveries.admin.base.live import NOTHING_NEW, mark_of
from deliveries.admin.parts.page_addresses import address_of
from deliveries.admin.parts.rendering import our_engine
from deliveries.services.common import clock

if TYPE_CHECKING:
    from deliveries.admin.site.site_base import HookpostSite

POLL = "30s"


def live_part(site: HookpostSite, request: HttpRequest, figures: Mapping[str, object]) -> dict[str, object]:
    """Return the part as HTML, with the address that asks for it again and the mark that tells this state from others.

    Its HTML says how long ago something was, so it is new as soon as that is.
    """
    told = our_engine().get_template("hookpost/overview_told.html").render(dict(figures), request)
    query = urlencode({"span": request.GET.get("span", ""), "mark": mark_of(told)})
    return {
        "told": told,
        "mark": mark_of(told),
        "live_url": f"{address_of(f'{site.name}:live')}?{query}",
        "every": POLL,
        "asked_at": clock.likely_now(),
    }


def live_view(request: HttpRequest, *, site: HookpostSite) -> HttpResponse:
    """Serve the part, or say that it is as it was."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET"])
    if not site.shows_figures(request):
        raise PermissionDenied
    request.current_app = site.name
    part = live_part(site, request, site.shown_figures(request))
    if request.GET.get("mark") == part["mark"]:
        return HttpResponse(status=NOTHING_NEW)
    html = our_engine().get_template("hookpost/overview_live.html").render(part, request)
    return HttpResponse(html, headers={"Cache-Control": "no-store"})
