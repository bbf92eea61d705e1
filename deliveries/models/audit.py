"""Who did what."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import REASON_LIMIT, IdentifiedModel, MomentField
from deliveries.models.customers import Customer
from deliveries.protocol.writing import ids


class AuditEntry(IdentifiedModel):
    """One act of a person or a key that changed something or revealed a secret."""

    PREFIX = ids.AUDIT

    at = MomentField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="audit_entries")
    object_id = models.CharField(max_length=64, db_column="target", help_text="Id of what it was done to.")
    reason = models.CharField(max_length=REASON_LIMIT, blank=True, default="")
    note = models.CharField(max_length=REASON_LIMIT, blank=True, default="", db_default="", help_text="For staff only.")
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "hookpost_audit_entry"
        ordering = ("-id",)
        verbose_name_plural = "audit trail"
        # The trail of one thing, and of one customer and of whoever did something in its order.
        indexes = (
            models.Index(fields=("object_id",), name="audit_entry_by_target"),
            models.Index(fields=("customer", "id"), name="audit_entry_by_customer"),
            models.Index(fields=("actor", "id"), name="audit_entry_by_actor"),
        )
