"""Links that set a password: who gets one, for which site, and whom one is of.

What lives here: the verbs. A link holds Django's token, which a new password or a log-in uses up and which ends after
`PASSWORD_RESET_TIMEOUT`, three days. It must not know pages or what a mail says.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid5

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from deliveries import sql
from deliveries.models import Member, PasswordMail
from deliveries.protocol.who.actor_names import name_person
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.common.site_links import PORTAL, STAFF
from deliveries.services.people.members import by_name, is_plain
from deliveries.sql.rows import TakeTokenRow

NAME_LIMIT = 254
MEANT_LIMIT = 5  # who share one address
MAILS_AN_HOUR = 3  # to one log-in
ASKED_AN_HOUR = 10  # from one group of addresses
ADDRESS_GROUPS = 4096  # so that strangers make no rows without end
ASKED = UUID("6d1c9b52-7a0e-5d0b-9a43-2f6e1c7b8a11")

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
    return user.is_active and any(may_log_in_at(user, site) for site in (STAFF, PORTAL))


def may_ask(address: str) -> bool:
    """Count one who asks, by where from, and say whether they may: a few an hour, addresses in so many groups."""
    group = int.from_bytes(sha256(address.encode()).digest()[:8]) % ADDRESS_GROUPS
    asked = {"key_id": uuid5(ASKED, str(group)), "limit": ASKED_AN_HOUR, "window_seconds": 3600}
    return sql.fetch(TakeTokenRow, asked)[0].taken


def ask_for_link(name: str, *, site: str) -> None:
    """Have a link mailed to whom this name or address is of, if they log in on this site by a password."""
    model = get_user_model()
    mail_field = model.get_email_field_name()
    meant = Q(**by_name(name)) | Q(**{f"{mail_field}__iexact": name})
    users = (
        model._default_manager.filter(meant, is_active=True).exclude(**{mail_field: ""}).order_by("pk")[:MEANT_LIMIT]
    )
    lately = clock.likely_now() - timedelta(hours=1)
    for user in users:
        sent = PasswordMail.objects.filter(user=user, created_at__gt=lately).count()
        if user.has_usable_password() and may_log_in_at(user, site) and sent < MAILS_AN_HOUR:
            mail_link(user, PasswordMail.Kind.FORGOTTEN)


def may_log_in_at(user: User, site: str) -> bool:
    """Say whether somebody can log in on this site."""
    return user.is_staff if site == STAFF else Member.objects.filter(user_id=user.pk).exists()


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
    """Say in the audit trail that somebody set a password of their own."""
    actor = name_person(user.get_username(), is_member=is_plain(user))
    record_act(actor, "password.set", object_id=f"user {user.pk}", detail={"username": user.get_username()})
