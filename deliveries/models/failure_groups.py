"""Failure groups: what fails in the same way at the same endpoint, counted once from the log."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import REASON_LIMIT, IdentifiedModel
from deliveries.models.customers import Customer
from deliveries.models.endpoints import Endpoint
from deliveries.protocol.writing import ids


class FailureGroup(IdentifiedModel):
    """Deliveries of one endpoint that failed with one error and status; after days of silence it begins anew.

    `deliveries` counts those that began to fail like this, whatever became of them since. No foreign keys in the
    database: counting must not stop at an endpoint that is being erased.
    """

    PREFIX = ids.FAILURE_GROUP

    endpoint = models.ForeignKey(Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    error = models.TextField()
    status_code = models.SmallIntegerField(help_text="0: no answer.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    deliveries = models.IntegerField()
    attempts = models.IntegerField()
    oldest_id = models.UUIDField(help_text="The oldest delivery of it.")
    example_id = models.UUIDField(help_text="The delivery that failed last.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, default="", db_default="")
    reason = models.CharField(max_length=REASON_LIMIT, default="", db_default="", help_text="Why it was acknowledged.")

    class Meta:
        db_table = "hookpost_failure_group"
        ordering = ("-last_at",)
        verbose_name = "failure"
        # sql/group_failures.sql; services/resending/failure_groups.py: the newest of all, and of a customer
        constraints = (
            models.UniqueConstraint(fields=("endpoint", "error", "status_code"), name="failure_group_of_endpoint"),
        )
        indexes = (
            models.Index(fields=("last_at", "id"), name="failure_group_newest"),
            models.Index(fields=("customer", "last_at"), name="failure_group_by_customer"),
        )
