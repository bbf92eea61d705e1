"""The tenants."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from deliveries.models.base import IdentifiedModel, MomentField
from deliveries.protocol.writing import ids


class Customer(IdentifiedModel):
    """The tenant who receives webhooks."""

    PREFIX = ids.CUSTOMER

    class Moving(models.TextChoices):
        """How far it is on its way to another cell, as this cell has it (docs/cells.md)."""

        NO = "", "No"
        FROZEN = "frozen", "Events are accepted; nothing is sent, no setting changed"
        CLOSED = "closed", "Nothing is accepted here: it is coming, or has gone"

    uid = models.CharField(max_length=128, null=True, blank=True, unique=True, help_text="The caller's own id.")
    name = models.CharField(max_length=200)
    metadata = models.JSONField(default=dict, blank=True)
    endpoint_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many endpoints it may have; empty: HOOKPOST_ENDPOINTS_PER_CUSTOMER."
    )
    moving = models.CharField(
        max_length=8, choices=Moving.choices, default=Moving.NO, db_default="", blank=True, editable=False
    )
    moved_to = models.CharField(max_length=32, default="", db_default="", editable=False, help_text="A cell's name.")
    moving_since = models.DateTimeField(null=True, editable=False)
    first_steps = ArrayField(
        models.CharField(max_length=16),
        default=list,
        db_default=[],
        editable=False,
        help_text="Those done, see services/people/first_steps.py.",
    )
    brand = models.JSONField(default=dict, db_default={}, editable=False, help_text="See services/people/brands.py.")
    created_at = MomentField(auto_now_add=True)
    updated_at = MomentField(auto_now=True)

    class Meta:
        db_table = "hookpost_customer"
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name
