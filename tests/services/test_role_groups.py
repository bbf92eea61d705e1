"""What is made after each migrate, in a process that imports no page."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db.models.signals import post_migrate

from deliveries.protocol.who.staff_roles import PERMISSIONS
from deliveries.services.people.role_groups import GROUP_NAMES, group_name

IMPORTED = """
import sys, django
django.setup()
print([name for name in ("deliveries.sql", "deliveries.admin", "deliveries.api") if name in sys.modules])
"""


@pytest.mark.django_db
def test_after_a_migrate_there_are_the_groups_of_roles_again() -> None:
    Group.objects.filter(name__in=GROUP_NAMES).delete()
    app = apps.get_app_config("deliveries")
    post_migrate.send(sender=app, app_config=app, verbosity=0, interactive=False, using="default", plan=[], apps=apps)
    for role, codenames in PERMISSIONS.items():
        held = Group.objects.get(name=group_name(role)).permissions.values_list("codename", flat=True)
        assert set(held) == codenames


def test_a_process_without_pages_knows_how_lists_are_sent_before_it_connects() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "['deliveries.sql']"
