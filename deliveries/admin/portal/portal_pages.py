"""The portal's pages beside its nouns, and which of them whoever only looks may post to.

What lives here: their addresses. It must not know what is on them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from deliveries.admin.log_ins.set_password import SetPasswordView
from deliveries.admin.log_ins.welcome_page import WelcomeView
from deliveries.admin.parts.viewer import has_member_right
from deliveries.admin.portal.brand_pages import brand_picture_view
from deliveries.admin.portal.catalogue import catalogue_entry_view, catalogue_view
from deliveries.admin.portal.first_steps import dismiss_view
from deliveries.admin.portal.invitation_page import invitation_view
from deliveries.admin.portal.mail_page import mail_view, unsubscribe_view
from deliveries.admin.portal.members_page import members_view, remove_view, role_view, withdraw_view
from deliveries.admin.portal.own_customers import own_customers_view
from deliveries.admin.portal.receiving import receiving_view
from deliveries.protocol.who.member_roles import READ_ONLY, MemberRight

if TYPE_CHECKING:
    from deliveries.admin.site.sites import PortalSite

# What changes nothing of the customer's: one's own log-in and views, a look at what was signed, and what would be sent.
OPEN_TO_VIEWERS = frozenset(
    {
        *("second_factor", "password_change", "profile", "mail", "logout", "own_customers"),
        *("saved_views", "deliveries_delivery_signature", "deliveries_endpoint_payload"),
    }
)

# Of a session that a read-only link began, these are not: password, factor and views are the person's own. It only
# proves a factor that is there.
OF_THE_PERSON = frozenset({"password_change", "profile", "mail", "second_factor", "saved_views"})


def may_post_to(request: HttpRequest, place: str) -> bool:
    """Say whether the member may post to a page, as far as their role goes; each page says what else it takes."""
    if has_member_right(request, MemberRight.CHANGE):
        return True
    if place in OF_THE_PERSON and request.session.get(READ_ONLY):
        return place == "second_factor" and request.POST.get("act") == "check"
    return place in OPEN_TO_VIEWERS


def portal_pages(site: PortalSite) -> list[URLPattern]:
    """Return the addresses; all but those of links are behind the log-in."""
    guarded: dict[str, tuple[str, Callable[..., HttpResponse]]] = {
        "catalogue/": ("catalogue", catalogue_view),
        "catalogue/<path:object_id>/": ("catalogue_entry", catalogue_entry_view),
        "first-steps/dismiss/": ("first_steps_dismiss", dismiss_view),
        "customers/": ("own_customers", own_customers_view),
        "receiving/": ("receiving", receiving_view),
        "profile/mail/<path:object_id>/": ("mail", mail_view),
        "members/": ("members", members_view),
        "members/invitations/<path:object_id>/withdraw/": ("invitation_withdraw", withdraw_view),
        "members/<path:object_id>/role/": ("member_role", role_view),
        "members/<path:object_id>/remove/": ("member_remove", remove_view),
    }
    return [
        path("brand/<str:name>/", brand_picture_view, name="brand_picture"),
        path("welcome/<uidb64>/<token>/", WelcomeView.as_view(site=site), name="welcome"),
        path("password/<uidb64>/<token>/", SetPasswordView.as_view(site=site), name="set_password"),
        path("unsubscribe/<str:token>/", csrf_exempt(partial(unsubscribe_view, site=site)), name="unsubscribe"),
        path("invitation/<str:token>/", partial(invitation_view, site=site), name="invitation"),
        *(path(place, site.admin_view(partial(view, site=site)), name=name) for place, (name, view) in guarded.items()),
    ]
