"""The tenants."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import IdentifiedModel
from deliveries.protocol import ids


class Customer(IdentifiedModel):
    """The tenant who receives webhooks."""

    PREFIX = ids.CUSTOMER

    uid = models.CharField(max_length=128, null=True, blank=True, unique=True, help_text="The caller's own id.")
    name = models.CharField(max_length=200)
    metadata = models.JSONField(default=dict, blank=True)
    endpoint_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many endpoints it may have; empty: HOOKPOST_ENDPOINTS_PER_CUSTOMER."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "hookpost_customer"
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name
