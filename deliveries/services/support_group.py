"""Permissions of our own, and the group of support staff.

What lives here: what a group `Support` may do. Both are made after every `migrate`, so that no
migration has to be written for them. It must not know pages.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

SUPPORT = "Support"
REDELIVER = "deliveries.redeliver_delivery"
PAUSE = "deliveries.pause_endpoint"

OWN = (("delivery", "redeliver_delivery", "Can redeliver"), ("endpoint", "pause_endpoint", "Can pause and resume"))
SEEN = ("delivery", "event", "endpoint", "customer", "member", "eventtype", "apikey", "job", "auditentry")


def ensure_group(app: AppConfig) -> None:
    """Create our permissions, and the group with its first permissions; later changes of the group are kept."""
    create_permissions(app, verbosity=0)
    for model, codename, name in OWN:
        content_type = ContentType.objects.get_by_natural_key("deliveries", model)
        Permission.objects.get_or_create(content_type=content_type, codename=codename, defaults={"name": name})
    group, is_new = Group.objects.get_or_create(name=SUPPORT)
    if is_new:
        codenames = [f"view_{model}" for model in SEEN] + [codename for _, codename, _ in OWN]
        mine = Permission.objects.filter(content_type__app_label="deliveries", codename__in=codenames)
        group.permissions.set(mine)
