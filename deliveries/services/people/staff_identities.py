"""Staff who log in by the provider: whose log-in it is, made or found, and the role that their groups give.

What lives here: the verbs, each with its audit entry. Issuer and subject alone tell who somebody is: a name gives
nothing away, an address only where the setting says so and the provider has verified it, and an owner's account never.
It must not know tokens, browsers or sessions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from uuid import UUID

import structlog
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, User
from django.db import IntegrityError, transaction

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import Conflict, LogInRefused
from deliveries.models import StaffIdentity
from deliveries.protocol.who.log_in_refusals import Refusal
from deliveries.protocol.who.staff_claims import Identity, role_for
from deliveries.protocol.who.staff_roles import StaffRole
from deliveries.services.common.audit import SYSTEM, actor_of_user, record_act
from deliveries.services.people.members import create_person
from deliveries.services.people.role_groups import role_of
from deliveries.services.people.staff import give_role, staff_users
from deliveries.services.people.staff_sessions import counts_sessions, end_sessions
from deliveries.sql.rows import TakeTokenRow

log = structlog.get_logger(__name__)

NAMES_TRIED = 20
REFUSED = UUID("0b7a4c1e-52d8-5f3c-8a57-1c9d1a6e4f20")
REFUSED_AN_HOUR = 60  # of strangers, in the audit trail, so that they make no rows without end; the log has all


def admit(identity: Identity) -> User:
    """Return the user who somebody at the provider is here, in the role of their groups; raises LogInRefused."""
    try:
        found = _settle(identity)
    except IntegrityError:  # two first log-ins of one person at once: the other one made it
        found = _settle(identity)
    except Conflict:
        found = Refusal.OTHER_GROUPS
    if isinstance(found, Refusal):
        raise LogInRefused(found)
    return found


def has_identity(user: AbstractUser) -> bool:
    """Say whether somebody has logged in by the provider, and so does not by a password any more."""
    return StaffIdentity.objects.filter(user_id=user.pk, issuer=conf.oidc_issuer).exists()


def with_identity(users: Iterable[User]) -> set[int]:
    """Return the keys of those who have logged in by the provider; of nobody where there is none."""
    found = StaffIdentity.objects.filter(user__in=users, issuer=conf.oidc_issuer) if conf.oidc_issuer else ()
    return {each.user_id for each in found}


def record_refusal(refused: LogInRefused, *, identity: Identity | None) -> None:
    """Write down who was refused, and why; of strangers some an hour, for anybody can be one as often as they like."""
    log.warning("staff_log_in_refused", reason=refused.reason, detail=refused.detail)
    detail = {"reason": refused.reason, "detail": refused.detail}
    if identity is not None:
        detail |= {"name": identity.name, "issuer": identity.issuer, "subject": identity.subject}
    elif not _may_record():
        return
    record_act(SYSTEM, "staff.log_in_refused", object_id="staff", detail=detail)


def _may_record() -> bool:
    asked = {"key_id": REFUSED, "limit": REFUSED_AN_HOUR, "window_seconds": 3600}
    return sql.fetch(TakeTokenRow, asked)[0].taken


def _settle(identity: Identity) -> User | Refusal:
    role = role_for(identity.groups, conf.oidc_roles)
    with transaction.atomic():
        known = _known(identity)
        if role is None:
            if known is not None:
                _take_role(known)
            return Refusal.NO_ROLE
        user = known.user if known is not None else _bind(identity)
        if not user.is_active:
            return Refusal.SWITCHED_OFF
        if not user.is_staff or role_of(user) != role:
            _set_role(user, role)
        detail = {"username": user.get_username(), "subject": identity.subject, "role": role}
        record_act(actor_of_user(user.get_username()), "staff.log_in", object_id=f"user {user.pk}", detail=detail)
    return user


def _known(identity: Identity) -> StaffIdentity | None:
    named = StaffIdentity.objects.filter(issuer=identity.issuer, subject=identity.subject)
    return named.select_for_update(of=("self",)).select_related("user").first()


def _bind(identity: Identity) -> User:
    """Return the account that is this identity's from now on."""
    meant = _of_same_address(identity)
    user = meant or create_person(_free_name(identity), identity.email)
    called = {"issuer": identity.issuer, "subject": identity.subject, "was_made": meant is None}
    StaffIdentity.objects.update_or_create(user=user, defaults=called)  # in place of one at a former provider
    detail = {"username": user.get_username(), "issuer": identity.issuer, "subject": identity.subject}
    record_act(SYSTEM, "staff.link" if meant else "staff.make", object_id=f"user {user.pk}", detail=detail)
    return user


def _of_same_address(identity: Identity) -> User | None:
    """Return the one account of staff with this verified address; none of an owner, and none that is taken."""
    if not conf.oidc_link_by_email or not identity.email:
        return None
    mail_field = get_user_model().get_email_field_name()
    staff = staff_users().filter(**{f"{mail_field}__iexact": identity.email}, is_active=True, is_superuser=False)
    found = list(staff.exclude(hookpost_identity__issuer=identity.issuer)[:2])
    return found[0] if len(found) == 1 else None


def _free_name(identity: Identity) -> str:
    """Return a username that nobody has in any spelling, so that the name of an account never gives it away."""
    model = get_user_model()
    return next(
        name
        for name in _names(identity)
        if not model._default_manager.filter(**{f"{model.USERNAME_FIELD}__iexact": name}).exists()
    )


def _names(identity: Identity) -> Iterator[str]:
    name = get_user_model().normalize_username(identity.name)
    yield name
    yield from (f"{name}-{number}" for number in range(2, NAMES_TRIED))
    yield f"{name}-{sha256(f'{identity.issuer} {identity.subject}'.encode()).hexdigest()[:12]}"


def _set_role(user: User, role: StaffRole) -> None:
    before = role_of(user)
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    give_role(user, role)
    _record_role(user, before, after=role)


def _take_role(known: StaffIdentity) -> None:
    """Take away what the groups gave, and end the sessions; a log-in that was there before stays one of staff."""
    user, before = known.user, role_of(known.user)
    if not user.is_staff or (before is None and not known.was_made):
        return
    give_role(user, None)
    user.is_staff = not known.was_made
    user.save(update_fields=["is_staff"])
    if counts_sessions():
        end_sessions(user)
    _record_role(user, before, after=None)


def _record_role(user: User, before: StaffRole | None, *, after: StaffRole | None) -> None:
    detail = {"username": user.get_username(), "before": before, "after": after, "by": "groups at the provider"}
    record_act(SYSTEM, "staff.role", object_id=f"user {user.pk}", detail=detail)
