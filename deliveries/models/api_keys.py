"""The keys of services and customers."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from deliveries.models.base import IdentifiedModel, MomentField
from deliveries.models.customers import Customer
from deliveries.protocol.writing import ids


class ApiKey(IdentifiedModel):
    """A service's or a customer's key; only the SHA-256 of its 256 random bits is kept."""

    PREFIX = ids.KEY

    class Scope(models.TextChoices):
        EVENTS_WRITE = "events:write", _("Emit events")
        REDELIVER = "deliveries:redeliver", _("Redeliver")
        POLL = "deliveries:poll", _("Poll")
        READ = "read", _("Read")
        MANAGE = "manage", _("Manage customers, event types and endpoints")

    name = models.CharField(max_length=100)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="api_keys")
    hint = models.CharField(max_length=8, editable=False)
    hashed = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope.choices), default=list)
    created_at = MomentField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "hookpost_api_key"
        ordering = ("-id",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"
