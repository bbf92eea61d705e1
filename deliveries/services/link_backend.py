"""Sessions that a link began: they are never anybody's of staff.

What lives here: the authentication backend that such a session names, which Django asks again on every request.
So a session ends at once when its member becomes staff. It must not know requests or pages.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User

from deliveries.services.people.members import is_plain

LINK_BACKEND = "deliveries.services.link_backend.LinkBackend"


class LinkBackend(BaseBackend):
    """Finds the user of a session again; it knows no passwords and gives no permissions."""

    def get_user(self, user_id: int) -> User | None:
        """Return the user, unless it is staff or switched off."""
        user: User | None = get_user_model().objects.filter(pk=user_id).first()
        return user if user is not None and is_plain(user) else None
