"""Event types: the operator's, seen by all customers, and customers' own."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from deliveries.models.base import IdentifiedModel, MomentField
from deliveries.models.customers import Customer
from deliveries.protocol.writing import ids


class EventType(IdentifiedModel):
    """A dotted name such as `invoice.paid`, with description, JSON Schema and example."""

    PREFIX = ids.EVENT_TYPE

    class Validation(models.TextChoices):
        OFF = "off", _("Off")
        WARN = "warn", _("Accept and warn")
        REJECT = "reject", _("Reject")

    name = models.CharField(max_length=128)
    customer = models.ForeignKey(
        Customer,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="event_types",
        help_text="Empty: the operator's own, seen by all customers.",
    )
    description = models.TextField(blank=True, default="")
    schema = models.JSONField(null=True, blank=True, help_text="JSON Schema of `data`.")
    example = models.JSONField(null=True, blank=True)
    validation = models.CharField(max_length=8, choices=Validation.choices, default=Validation.OFF)
    archived = models.BooleanField(default=False)
    created_at = MomentField(auto_now_add=True)
    updated_at = MomentField(auto_now=True)

    class Meta:
        db_table = "hookpost_event_type"
        ordering = ("name",)
        # sql/validating_types.sql
        indexes = (
            models.Index(
                fields=("name",),
                name="event_type_judging",
                condition=models.Q(customer=None) | ~models.Q(validation="off"),
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "name"),
                name="event_type_name_once_per_owner",
                nulls_distinct=False,
                violation_error_message="There is an event type of this name already.",
            ),
        )

    def __str__(self) -> str:
        return self.name
