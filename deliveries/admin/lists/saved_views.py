"""Views of lists that somebody keeps: what a list shows of them, and the address that keeps and forgets them.

What lives here: from the browser to services/people/saved_views.py. It must not know what narrows a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from deliveries.admin.lists.asked import Asked
from deliveries.admin.parts.viewer import customer_of
from deliveries.errors import InvalidInput
from deliveries.services.common.languages import said_by, tell
from deliveries.services.common.site_links import PORTAL
from deliveries.services.people.saved_views import NAME_LIMIT, forget_view, save_view, views_of

if TYPE_CHECKING:
    from deliveries.admin.site.site_base import HookpostSite


# In a session: a name that was refused, for the list that is shown next.
NOT_KEPT, TYPED_LIMIT = "view_not_kept", 1000


def views_context(request: HttpRequest, noun: str, asked: Asked, *, site_name: str) -> dict[str, object]:
    """Return what the template of a list shows of a person's views of it."""
    query = asked.filter_query.removeprefix("?")
    kept = views_of(_person(request), _place(request, noun, site_name))
    not_kept = request.session.pop(NOT_KEPT, {})
    return {
        "views": [(each, each.query == query) for each in kept],
        "views_url": reverse(f"{site_name}:saved_views", args=[noun]),
        "view_query": query if asked.is_narrowed and not asked.troubles else "",
        "view_name_limit": NAME_LIMIT,
        "view_not_kept": not_kept if not_kept.get("noun") == noun else {},
    }


@require_POST
def saved_views_view(request: HttpRequest, noun: str, *, site: HookpostSite) -> HttpResponse:
    """Keep a view of a list, or forget one, and go back to the list."""
    try:
        address = reverse(f"{site.name}:deliveries_{noun}_changelist")
    except NoReverseMatch:
        raise Http404 from None
    if request.POST.get("act") == "forget":
        forget_view(_person(request), _place(request, noun, site.name), request.POST.get("name", ""))
        messages.success(request, gettext("The view is removed. What it showed is still there."))
        return HttpResponseRedirect(address)
    return HttpResponseRedirect(f"{address}?{_keep(request, noun, _place(request, noun, site.name))}")


def _keep(request: HttpRequest, noun: str, place: str) -> str:
    """Keep what was given, or say why not; returns the query string that the list goes on with."""
    query, name = QueryDict(request.POST.get("query", "").removeprefix("?")).urlencode(), request.POST.get("name", "")
    try:
        kept = save_view(_person(request), place, name, query)
        messages.success(request, tell("Kept as “{name}”.", name=kept.name))
    except InvalidInput as error:
        why = tell("The view was not kept: {why}.", why=said_by(error))
        messages.error(request, why)
        request.session[NOT_KEPT] = {"noun": noun, "name": name[:TYPED_LIMIT], "why": why}
    return query


def _person(request: HttpRequest) -> AbstractUser:
    return cast(AbstractUser, request.user)


def _place(request: HttpRequest, noun: str, site_name: str) -> str:
    """Return the name of a list; in the portal each customer's is another one."""
    whose = f"/{customer_of(request).public_id}" if site_name == PORTAL else ""
    return f"{site_name}{whose}/{noun}"
