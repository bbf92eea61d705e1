"""Log-ins of staff where they are used: sessions counted, and ended.

What lives here: the verbs. Sessions of members are counted in members.py. It must not know cookies or keys, which
config/sessions.py hashes; where a project keeps sessions of its own kind, none is counted.
"""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import transaction

from deliveries.models import LogIn, Member
from deliveries.services.common import limits

OWN_ENGINE = "config.sessions"


def counts_sessions() -> bool:
    """Say whether sessions are ours to count and end."""
    return bool(settings.SESSION_ENGINE == OWN_ENGINE)


def note_staff_session(user_id: int, session_hash: str) -> None:
    """Note that somebody logged in on the staff's site, and end their oldest sessions there beyond the limit."""
    with transaction.atomic():
        LogIn.objects.get_or_create(user_id=user_id)
        noted = LogIn.objects.select_for_update(no_key=True).get(user_id=user_id)
        known = [*noted.session_hashes, session_hash]
        _delete(known[: -limits.SESSIONS])
        noted.session_hashes = known[-limits.SESSIONS :]
        noted.save(update_fields=["session_hashes"])


def end_sessions(user: AbstractUser) -> int:
    """End all sessions of somebody, on both sites; returns how many there were."""
    with transaction.atomic():
        hashes = list(LogIn.objects.filter(user_id=user.pk).values_list("session_hashes", flat=True))
        hashes += Member.objects.filter(user_id=user.pk).values_list("session_hashes", flat=True)
        LogIn.objects.filter(user_id=user.pk).update(session_hashes=[])
        return _delete([each for some in hashes for each in some])


def _delete(hashes: list[str]) -> int:
    sessions = apps.get_model("sessions.Session")._default_manager
    return int(sessions.filter(session_key__in=hashes).delete()[0]) if hashes else 0
