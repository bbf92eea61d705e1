"""The staff's pages beside their nouns, and which pages whoever only looks may post to.

What lives here: their addresses. It must not know what is on them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest
from django.urls import URLPattern, path

from deliveries.admin.log_ins.provider_log_in import back_view, begin_view
from deliveries.admin.log_ins.set_password import SetPasswordView
from deliveries.admin.site.staff_list import staff_act_view, staff_list_view
from deliveries.protocol.who.staff_roles import only_looks
from deliveries.services.people.role_groups import permissions_of

if TYPE_CHECKING:
    from deliveries.admin.site.sites import StaffSite

# What changes nothing of the operator's: one's own log-in and views, a look at what was signed, and what would be sent.
OPEN_TO_VIEWERS = frozenset(
    {
        *("second_factor", "password_change", "logout", "profile", "saved_views"),
        *("deliveries_delivery_signature", "deliveries_endpoint_payload", "deliveries_versionchange_preview"),
    }
)


def may_post_to(request: HttpRequest, place: str) -> bool:
    """Say whether somebody of staff may post to a page, if they only look; each page says what else it takes."""
    user = cast(AbstractUser, request.user)
    return user.is_superuser or not only_looks(permissions_of(user)) or place in OPEN_TO_VIEWERS


def staff_pages(site: StaffSite) -> list[URLPattern]:
    """Return the addresses; all but those of the log-in itself and of a link are behind it."""
    return [
        path("log-in/", partial(begin_view, site=site), name="provider_log_in"),
        path("log-in/back/", partial(back_view, site=site), name="provider_back"),
        path("password/<uidb64>/<token>/", SetPasswordView.as_view(site=site), name="set_password"),
        path("staff/", site.admin_view(partial(staff_list_view, site=site)), name="staff_list"),
        path("staff/<str:key>/<str:act>/", site.admin_view(partial(staff_act_view, site=site)), name="staff_act"),
    ]
