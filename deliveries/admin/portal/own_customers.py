"""The customers that one person is a member of, and looking at another of them.

What lives here: the page. A session that a portal link began is for one customer, and sees no other here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.viewer import choose_member, member_of, memberships_of
from deliveries.models import Member

if TYPE_CHECKING:
    from deliveries.admin.site.sites import PortalSite


@require_http_methods(["GET", "HEAD", "POST"])
def own_customers_view(request: HttpRequest, *, site: PortalSite) -> HttpResponse:
    """Show one's customers; a POST looks at another from now on."""
    members = memberships_of(request)
    if request.method == "POST":
        key = read_id(Member.PREFIX, request.POST.get("member", ""))
        chosen = next((member for member in members if member.pk == key), None)
        if chosen is None:
            raise Http404
        choose_member(request, chosen)
        return HttpResponseRedirect(reverse(f"{site.name}:index"))
    context = {
        "title": gettext("Your customers"),
        "members": members,
        "me": member_of(request),
    }
    return page_of(site, request, "hookpost/own_customers.html", context)
