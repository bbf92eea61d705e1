"""The Django app."""

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    """Webhook delivery."""

    name = "deliveries"
    verbose_name = "Webhook deliveries"
    default_auto_field = "django.db.models.BigAutoField"
