"""Roles of staff as Django keeps them: a group of each, permissions of our own, and superusers as owners.

What lives here: groups and permissions, brought in step with protocol/who/staff_roles.py after every `migrate`, so that
no migration has to be written for them; what somebody is; and that one owner stays. It must not know pages.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import AbstractUser, Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

from deliveries.conf import conf
from deliveries.errors import Conflict
from deliveries.models import StaffIdentity
from deliveries.protocol.who.staff_roles import PERMISSIONS, StaffRole, role_with
from deliveries.protocol.writing.sentences import say

APP = "deliveries"
KNOWN_BACKENDS = frozenset(
    {
        "axes.backends.AxesStandaloneBackend",
        "django.contrib.auth.backends.ModelBackend",
        "deliveries.services.link_backend.LinkBackend",  # of the portal alone
    }
)
REDELIVER = f"{APP}.redeliver_delivery"
PAUSE = f"{APP}.pause_endpoint"
ERASE = f"{APP}.erase_event"
OWN = (
    ("delivery", "redeliver_delivery", "Can redeliver"),
    ("endpoint", "pause_endpoint", "Can pause and resume"),
    ("event", "erase_event", "Can erase what an event says"),
)


def group_name(role: StaffRole) -> str:
    """Return the name of a role's group; a project that we are part of may have an Operator of its own."""
    return f"Hookpost {role}"


GROUP_NAMES = frozenset(group_name(role) for role in PERMISSIONS)


def ensure_groups(app: AppConfig) -> None:
    """Create our permissions, and give each role's group what the table says; other groups are left alone."""
    create_permissions(app, verbosity=0)
    for model, codename, name in OWN:
        content_type = ContentType.objects.get_by_natural_key(APP, model)
        Permission.objects.get_or_create(content_type=content_type, codename=codename, defaults={"name": name})
    ours = {each.codename: each for each in Permission.objects.filter(content_type__app_label=APP)}
    for role, codenames in PERMISSIONS.items():
        group, _ = Group.objects.get_or_create(name=group_name(role))
        group.permissions.set([ours[codename] for codename in sorted(codenames)])


def permissions_of(user: AbstractUser) -> frozenset[str]:
    """Return what somebody may do with our nouns now, however Django was told so."""
    names: set[str] = user.get_all_permissions()
    return frozenset(name.partition(".")[2] for name in names if name.startswith(f"{APP}."))


def role_of(user: AbstractUser) -> StaffRole | None:
    """Return what somebody of staff is, also while they are switched off; None for a mix of one's own."""
    if user.is_superuser:
        return StaffRole.OWNER
    given = Permission.objects.filter(Q(group__user=user.pk) | Q(user=user.pk), content_type__app_label=APP)
    return role_with(given.values_list("codename", flat=True))


def owners() -> QuerySet[AbstractUser]:
    """Return those who may do everything and can log in."""
    found: QuerySet[AbstractUser] = get_user_model().objects.filter(is_superuser=True, is_staff=True, is_active=True)
    return found


def with_a_way_in() -> QuerySet[AbstractUser]:
    """Return the owners who have a password, come by the provider, or by a backend of the project's own."""
    if set(settings.AUTHENTICATION_BACKENDS) - KNOWN_BACKENDS:
        return owners()
    come_by_provider = Q(pk__in=StaffIdentity.objects.filter(issuer=conf.oidc_issuer).values("user_id"))
    if conf.oidc_issuer and conf.oidc_passwords == "none":
        return owners().filter(come_by_provider)
    has_password = ~Q(password="") & ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return owners().filter(has_password | come_by_provider)


def is_last_owner(user: AbstractUser) -> bool:
    """Say whether nobody else could do everything."""
    return user.is_superuser and {user.pk} in (_keys(owners()), _keys(with_a_way_in()))


def keep_an_owner(user: AbstractUser) -> None:
    """Raise Conflict if nobody else could log in and do everything; of two at once, within transactions, one waits."""
    if _keys(owners().order_by("pk").select_for_update(no_key=True)) == {user.pk}:
        raise Conflict(say("at least one owner stays; make somebody else an owner first"))
    if _keys(with_a_way_in()) == {user.pk}:
        raise Conflict(say("no other owner can log in yet; one of them has to set a password first"))


def _keys(found: QuerySet[AbstractUser]) -> set[object]:
    return set(found.values_list("pk", flat=True))
