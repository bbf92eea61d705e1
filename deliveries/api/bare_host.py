"""The bare host, as somebody types it: the way to the portal.

What lives here: that one address. It must not know who is logged in, nor tell of any site but the customers' own.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseRedirect

from deliveries.services.common.site_links import PORTAL, site_root


def to_portal(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the portal, whose log-in asks who it is; there is nothing to send here, and nothing without a portal."""
    portal = site_root(PORTAL)
    if not portal or request.method not in ("GET", "HEAD"):
        raise Http404
    return HttpResponseRedirect(portal)
