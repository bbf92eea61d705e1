"""Links that set a password: who gets one, for which site, and whom one is of.

What lives here: the verbs. A link holds Django's token, which a new password or a log-in uses up and which ends after
`PASSWORD_RESET_TIMEOUT`, three days. It must not know pages or what a mail says.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from deliveries.models import Member, PasswordMail
from deliveries.protocol.actor_names import name_person
from deliveries.services import clock
from deliveries.services.audit import record_act
from deliveries.services.members import is_plain
from deliveries.services.site_links import PORTAL, STAFF

PRINTED = ("console", "dummy")  # kinds of Django's mail backends that reach nobody


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens of these links alone: one of another kind of link fits nowhere here."""

    key_salt = "hookpost.password"


tokens = LinkTokens()


def reaches_mail() -> bool:
    """Say whether mail goes to people, and not to a log."""
    return settings.EMAIL_BACKEND.split(".")[-2] not in PRINTED


def site_of(user: User) -> str:
    """Return the site whose link somebody gets: staff theirs, also when they are a member too."""
    return PORTAL if is_plain(user) else STAFF


def may_log_in(user: User) -> bool:
    """Say whether somebody can log in somewhere here."""
    return user.is_active and (user.is_staff or Member.objects.filter(user_id=user.pk).exists())


def link_parts(user: User) -> tuple[str, str]:
    """Return what a link is made of: who, and the token."""
    return urlsafe_base64_encode(force_bytes(user.pk)), tokens.make_token(user)


def user_of_link(part: str, *, site: str) -> User | None:
    """Return whom a link of this site names; whether its token is right is not asked here."""
    try:
        key = get_user_model()._meta.pk.to_python(urlsafe_base64_decode(part).decode())
    except (ValueError, OverflowError, ValidationError):
        return None
    user: User | None = get_user_model()._default_manager.filter(pk=key).first()
    return user if user is not None and site_of(user) == site and may_log_in(user) else None


def mail_link(user: User, kind: PasswordMail.Kind) -> PasswordMail:
    """Have a link mailed to somebody."""
    now = clock.likely_now()
    return PasswordMail.objects.create(user=user, kind=kind, created_at=now, mail_due_at=now)


def record_set(user: User) -> None:
    """Say in the audit trail that somebody set a password by a link."""
    actor = name_person(user.get_username(), is_member=is_plain(user))
    record_act(actor, "password.set", target=f"user {user.pk}", detail={"username": user.get_username()})
