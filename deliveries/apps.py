"""The Django app: what happens once per process and after each migrate."""

from __future__ import annotations

from typing import Any

import dramatiq
from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class DeliveriesConfig(AppConfig):
    """Webhook delivery."""

    name = "deliveries"
    verbose_name = "Webhook deliveries"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name the broker before any actor is imported, and see to partitions after a migrate."""
        from config.broker import make_broker

        dramatiq.set_broker(make_broker(settings.BROKER_URL))
        post_migrate.connect(_open_partitions, sender=self)


def _open_partitions(*, plan: Any = (), **_: Any) -> None:
    from deliveries.services.retention import TABLES, open_partitions, table_exists

    if all(table_exists(table) for table in TABLES):
        open_partitions()
