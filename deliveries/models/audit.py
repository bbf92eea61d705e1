"""Who did what, and bulk work with its progress."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import IdentifiedModel
from deliveries.models.customers import Customer
from deliveries.protocol import ids


class AuditEntry(IdentifiedModel):
    """One act of a person or a key that changed something or revealed a secret."""

    PREFIX = ids.AUDIT

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="audit_entries")
    target = models.CharField(max_length=64, help_text="Id of what it was done to.")
    reason = models.CharField(max_length=300, blank=True, default="")
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "hookpost_audit_entry"
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = (models.Index(fields=("target",), name="audit_entry_by_target"),)


class Job(IdentifiedModel):
    """Bulk redelivery, recovery or replay: what was asked, how far it is."""

    PREFIX = ids.JOB

    class Kind(models.TextChoices):
        REDELIVER = "redeliver", "Redeliver by filter"
        RECOVER = "recover", "Redeliver what failed"
        REPLAY = "replay", "Send what was never sent"

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="jobs")
    filters = models.JSONField(default=dict)
    actor = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True, default="")
    total = models.IntegerField(default=0)
    queued = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    cursor = models.UUIDField(null=True, help_text="Last delivery or event that was queued.")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failures = models.SmallIntegerField(default=0, db_default=0, help_text="Steps in a row that failed.")
    rest_until = models.DateTimeField(null=True, help_text="No step before this, after one that failed.")
    problem = models.TextField(blank=True, default="", db_default="", help_text="Why the last step failed.")

    class Meta:
        db_table = "hookpost_job"
        ordering = ("-id",)
        # services/jobs.py: tend_jobs, once a second
        indexes = (models.Index(fields=("id",), name="job_open", condition=models.Q(state__in=("pending", "running"))),)
