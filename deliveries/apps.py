"""The Django app: what happens once per process and after each migrate.

Django imports this file before any other of ours, so the project's own settings, if it has any for us, are taken here.
"""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from deliveries import __version__
from deliveries.host_settings import take_settings
from deliveries.tracing.start import join_tracing

take_settings()


class DeliveriesConfig(AppConfig):
    """Webhook delivery."""

    name = "deliveries"
    verbose_name = "Webhook deliveries"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """See to partitions and permissions after a migrate.

        The settings named the broker already, before any actor is imported; sql/ says how lists are sent, before the
        first connection is made.
        """
        from deliveries import checks, embedding, sql  # noqa: F401  # they register themselves
        from deliveries.models.clock import learn_when_connected

        join_tracing(version=__version__)
        post_migrate.connect(_open_partitions, sender=self)
        post_migrate.connect(_ensure_groups, sender=self)
        connection_created.connect(learn_when_connected)


def _ensure_groups(*, sender: AppConfig, **_: object) -> None:
    from deliveries.services.housekeeping.tables import are_current

    if apps.is_installed("django.contrib.auth") and are_current("auth", "contenttypes"):
        from deliveries.services.people.role_groups import ensure_groups

        ensure_groups(sender)


def _open_partitions(*, plan: object = (), **_: object) -> None:
    from deliveries.services.housekeeping.retention import TABLES, open_partitions, table_exists

    if all(table_exists(table) for table in TABLES):
        open_partitions()
