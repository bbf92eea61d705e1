"""Middleware: the pages of one customer's members hold a share of a web process, and never all of it.

What lives here: the fork for the portal. It must not know a page. Exports, which hold a thread for as long as somebody
reads, are counted by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from deliveries.services.common.site_links import IS_EMBEDDED

PORTAL = "/portal/"


def portal_share(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer pages of the portal within their customer's share, and all else as before."""
    from config.known_callers import remember_session  # once Django's apps are there
    from deliveries.admin.parts.viewer import member_of
    from deliveries.api.error_pages import error_page
    from deliveries.errors import TooManyAtOnce
    from deliveries.services.process.shares import HAS_PLACE, requests_and_pages

    def answer(request: HttpRequest) -> HttpResponse:
        customer_id = customer_asked(request)
        if request.META.get(HAS_PLACE):
            return get_response(request)
        try:
            with requests_and_pages.place(customer_id):
                return get_response(request)
        except TooManyAtOnce:
            return error_page(request, 429, headers={"Retry-After": "1"})

    def customer_asked(request: HttpRequest) -> UUID | None:
        if not request.path_info.startswith(PORTAL):
            return None
        member = member_of(request)
        customer_id = member.customer_id if member else None
        if not request.META.get(IS_EMBEDDED):  # which has a cookie of its own
            remember_session(request.META, customer_id)
        return customer_id

    return answer
