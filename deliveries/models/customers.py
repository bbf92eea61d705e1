"""Customers, their members, and API keys."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
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


class Member(IdentifiedModel):
    """A person of a customer who logs in to the portal."""

    PREFIX = ids.MEMBER

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="members")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="member")
    session_hashes = ArrayField(
        models.TextField(), default=list, db_default=[], editable=False, help_text="Of its sessions, the newest last."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "hookpost_member"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.user} of {self.customer}"


class ApiKey(IdentifiedModel):
    """A service's or a customer's key; only the SHA-256 of its 256 random bits is kept."""

    PREFIX = ids.KEY

    class Scope(models.TextChoices):
        EVENTS_WRITE = "events:write", "Emit events"
        REDELIVER = "deliveries:redeliver", "Redeliver"
        READ = "read", "Read"
        MANAGE = "manage", "Manage customers, event types and endpoints"

    name = models.CharField(max_length=100)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="api_keys")
    hint = models.CharField(max_length=8, editable=False)
    hashed = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope.choices), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "hookpost_api_key"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"
