"""The people of customers."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from deliveries.models.base import IdentifiedModel
from deliveries.models.customers import Customer
from deliveries.protocol import ids


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
