"""The Django app: what happens once per process and after each migrate."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class DeliveriesConfig(AppConfig):
    """Webhook delivery."""

    name = "deliveries"
    verbose_name = "Webhook deliveries"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """See to partitions after a migrate; the settings named the broker already, before any actor is imported."""
        from deliveries import checks, embedding  # noqa: F401  # they register themselves
        from deliveries.models.clock import learn_when_connected

        post_migrate.connect(_open_partitions, sender=self)
        connection_created.connect(learn_when_connected)


def _open_partitions(*, plan: Any = (), **_: Any) -> None:
    from deliveries.services.retention import TABLES, open_partitions, table_exists

    if all(table_exists(table) for table in TABLES):
        open_partitions()
