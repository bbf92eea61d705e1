"""Sessions in the database, under the SHA-256 of site and key: a copy of the table logs nobody in.

What lives here: Django's store with another column value, and the end of a member's oldest session when it has too
many. A key that was made on one site finds nothing on the other. It must not know pages.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest

from config.site_cookies import SITES, STAFF
from deliveries.protocol.who.member_roles import BOUND, CHOSEN, READ_ONLY, THEME
from deliveries.services.common import clock

KEPT_CHARACTERS = 40  # the column's width; 160 bits


def hash_session(key: str, *, site: str) -> str:
    """Return what is stored of a session's key."""
    return hashlib.sha256(f"{site}:{key}".encode()).hexdigest()[:KEPT_CHARACTERS]


class SessionStore(DatabaseStore):
    """Finds, makes and deletes rows by the hash."""

    def __init__(self, session_key: str | None = None, *, site: str = "") -> None:
        self.site = site
        super().__init__(session_key)

    def exists(self, session_key: str) -> bool:
        """Say whether there is a row."""
        return super().exists(hash_session(session_key, site=self.site))

    def create_model_instance(self, data: dict[str, object]) -> Session:
        """Return the row as it will be stored."""
        key: str = self._get_or_create_session_key()  # type: ignore[attr-defined]
        return Session(
            session_key=hash_session(key, site=self.site),
            session_data=self.encode(data),
            expire_date=clock.likely_now() + timedelta(seconds=self.get_expiry_age()),
        )

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row of this session, or of another."""
        if key := session_key or self.session_key:
            super().delete(hash_session(key, site=self.site))

    def _get_session_from_db(self) -> Session | None:
        living = Session.objects.filter(expire_date__gt=clock.likely_now())
        row = living.filter(session_key=hash_session(self.session_key or "", site=self.site)).first()
        if row is None:
            self._session_key = None
        return row


@receiver(user_logged_in, dispatch_uid="hookpost.sessions")
def note_log_in(sender: object, request: HttpRequest, user: AbstractBaseUser, **_: object) -> None:
    """Count a session as its member's, or as one of staff."""
    from deliveries.services.people.members import note_session  # once Django's apps are there
    from deliveries.services.people.staff_sessions import note_staff_session

    session = request.session
    if not isinstance(session, SessionStore) or session.site not in SITES:
        return
    for chosen in (CHOSEN, BOUND, READ_ONLY, THEME):  # what an earlier log-in of the same person chose is over
        session.pop(chosen, None)
    if session.session_key is None:  # another user's session ended for this one
        session.create()
    note = note_staff_session if session.site == STAFF else note_session
    note(user.pk, hash_session(session.session_key or "", site=session.site))
