"""Staff: who is one, as what, and whether they get in.

What lives here: the verbs of owners, each with its audit entry. At least one owner stays, whoever does what at once. It
must not know pages or mail.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from deliveries.errors import Conflict, InvalidInput
from deliveries.protocol.who.staff_roles import StaffRole
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold
from deliveries.services.people.mail_addresses import check_email
from deliveries.services.people.members import create_person
from deliveries.services.people.role_groups import APP, group_name, keep_an_owner, role_of
from deliveries.services.people.second_factor import confirmed_factor, remove_factor
from deliveries.services.people.staff_sessions import counts_sessions, end_sessions


def staff_users() -> QuerySet[User]:
    """Return everybody of staff, switched off or not."""
    found: QuerySet[User] = get_user_model()._default_manager.filter(Q(is_staff=True) | Q(is_superuser=True))
    return found


def invite_staff(email: str, role: str, *, actor: str) -> User:
    """Make somebody one of staff who sets a password by a link; the address becomes the username."""
    address, chosen = check_email(email), _check_role(role)
    try:
        with transaction.atomic():
            user = create_person(address, address)
            user.is_staff = True
            user.save(update_fields=["is_staff"])
            give_role(user, chosen)
            _record(actor, "staff.invite", user, role=chosen)
    except IntegrityError as error:
        raise InvalidInput(say("there is a log-in of this address already"), field="email") from error
    return user


def record_link(user: User, *, actor: str) -> None:
    """Say in the audit trail that somebody is given a link that sets their password."""
    _record(actor, "staff.password_link", user)


def change_staff_role(user: User, role: str, *, actor: str) -> None:
    """Give somebody of staff another role, in place of whatever they might do here before."""
    chosen = _check_role(role)
    with transaction.atomic():
        if chosen != StaffRole.OWNER:
            keep_an_owner(user)
        hold(user)
        before = role_of(user)
        give_role(user, chosen)
        _record(actor, "staff.role", user, before=before or "of their own", after=chosen)


def switch_staff(user: User, *, on: bool, actor: str) -> None:
    """Let somebody log in, or not any more, in which case their sessions end."""
    with transaction.atomic():
        if not on:
            keep_an_owner(user)
        hold(user)
        user.is_active = on
        user.save(update_fields=["is_active"])
        if not on and counts_sessions():
            end_sessions(user)
        _record(actor, "staff.on" if on else "staff.off", user)


def end_staff_sessions(user: User, *, actor: str) -> int:
    """Log somebody out everywhere; returns of how many sessions."""
    with transaction.atomic():
        ended = end_sessions(user)
        _record(actor, "staff.end_sessions", user, sessions=ended)
    return ended


def reset_second_factor(user: User, *, actor: str) -> None:
    """Take the second factor from somebody who has lost it; their sessions end."""
    factor = confirmed_factor(user)
    if factor is None:
        raise Conflict(say("there is no second factor"))
    with transaction.atomic():
        remove_factor(factor, actor=actor)
        if counts_sessions():
            end_sessions(user)


def give_role(user: User, role: StaffRole | None) -> None:
    """Set permissions here to those of a role, or none; raises Conflict where a group is about more than this."""
    groups = Group.objects.filter(user__pk=user.pk, permissions__content_type__app_label=APP).distinct()
    mixed = Permission.objects.filter(group__in=groups).exclude(content_type__app_label=APP)
    if found := mixed.values_list("group__name", flat=True).first():
        raise Conflict(say("the group {found} is about other things too; take them out of it first", found=found))
    user.groups.remove(*groups)
    user.user_permissions.remove(*user.user_permissions.filter(content_type__app_label=APP))
    if role not in (None, StaffRole.OWNER):
        user.groups.add(Group.objects.get(name=group_name(role)))
    user.is_superuser = role == StaffRole.OWNER
    user.save(update_fields=["is_superuser"])


def _check_role(role: str) -> StaffRole:
    if role not in set(StaffRole):
        raise InvalidInput(say("one of {names}", names=", ".join(StaffRole)), field="role")
    return StaffRole(role)


def _record(actor: str, action: str, user: User, **detail: object) -> None:
    record_act(actor, action, object_id=f"user {user.pk}", detail={"username": user.get_username(), **detail})
