"""Bulk work with its progress."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _

from deliveries.models.base import REASON_LIMIT, IdentifiedModel, MomentField
from deliveries.models.customers import Customer
from deliveries.protocol.writing import ids


class Job(IdentifiedModel):
    """Bulk redelivery, recovery, replay, cancelling, erasure or import: what was asked, how far it is.

    `customer` is whose deliveries they are, `by_operator` who asked: both together are one place in the rotation.
    """

    PREFIX = ids.JOB

    class Kind(models.TextChoices):
        REDELIVER = "redeliver", _("Redeliver by filter")
        RECOVER = "recover", _("Redeliver what failed")
        REPLAY = "replay", _("Send what was never sent")
        CANCEL = "cancel", _("Cancel what waits")
        ERASE = "erase", _("Erase a customer")
        IMPORT = "import", _("Import from elsewhere")

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        RUNNING = "running", _("Running")
        HELD = "held", _("Held: all that waits of it is for paused or disabled endpoints")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="jobs")
    by_operator = models.BooleanField(default=False, db_default=False, help_text="Asked for by staff or a service key.")
    filters = models.JSONField(default=dict)
    actor = models.CharField(max_length=200)
    reason = models.CharField(max_length=REASON_LIMIT, blank=True, default="")
    total = models.IntegerField(default=0)
    queued = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    lost = models.IntegerField(default=0, db_default=0, help_text="Of what failed: never queued, endpoint deleted.")
    cursor = models.UUIDField(null=True, help_text="Last delivery or event that was queued.")
    created_at = MomentField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failures = models.SmallIntegerField(default=0, db_default=0, help_text="Steps in a row that failed.")
    rest_until = models.DateTimeField(null=True, help_text="No step before this, after one that failed.")
    problem = models.TextField(blank=True, default="", db_default="", help_text="Why a step failed, or not all came.")
    taken_back = ArrayField(
        models.UUIDField(), default=list, db_default=[], editable=False, help_text="What waited when it was cancelled."
    )
    served_at = models.DateTimeField(null=True, help_text="When it last had a turn.")
    stepping_until = models.DateTimeField(null=True, help_text="A step of it is under way, until then at most.")

    class Meta:
        db_table = "hookpost_job"
        ordering = ("-id",)
        # sql/tend_jobs.sql, sql/take_job_turn.sql; services/common/limits.py: how many a customer has. The last of an
        # endpoint
        indexes = (
            models.Index(
                fields=("customer", "id"),
                name="job_unfinished",
                condition=models.Q(state__in=("pending", "running", "held")),
            ),
            models.Index(KeyTransform("endpoint_id", "filters"), "id", name="job_of_endpoint"),
        )
