"""The staff's pages beside their nouns, and which pages whoever only looks may post to.

What lives here: names of addresses. It must not know what is on them.
"""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest

from deliveries.protocol.staff_roles import only_looks
from deliveries.services.role_groups import permissions_of

# What changes nothing of the operator's: one's own log-in, and a look at what was signed.
OPEN_TO_VIEWERS = frozenset({"second_factor", "password_change", "logout", "deliveries_delivery_signature"})
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_open_to(request: HttpRequest) -> bool:
    """Say whether somebody of staff may do what is asked, if they only look; each page says what else it takes."""
    user = cast(AbstractUser, request.user)
    if request.method in SAFE_METHODS or user.is_superuser or not only_looks(permissions_of(user)):
        return True
    place = request.resolver_match.url_name if request.resolver_match else ""
    return place in OPEN_TO_VIEWERS
