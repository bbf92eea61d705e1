"""The portal's page of code that checks requests.

What lives here: the page. It must not know endpoints: secrets are in nobody's reach here.
"""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from deliveries.admin.parts.rendering import page_of
from deliveries.protocol.checking.receiver_code import RECEIVER_CODE


@require_safe
def receiving_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Serve the code."""
    context = {"title": gettext("Receiving"), "languages": RECEIVER_CODE}
    return page_of(site, request, "hookpost/receiving.html", context)
