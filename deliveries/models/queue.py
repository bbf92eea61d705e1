"""The queue, hot and small: due deliveries and the lanes they wait in. Finished deliveries leave it."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import MomentField
from deliveries.models.endpoints import Endpoint


class DueDelivery(models.Model):
    """A delivery that is to be sent at `due_at`; null while its endpoint is paused or disabled."""

    class Rank(models.IntegerChoices):
        REDELIVERY = 0, "Redelivery by hand"
        FIRST = 1, "First attempt"
        RETRY = 2, "Late retry"
        BULK = 3, "Bulk redelivery"

    pk = models.CompositePrimaryKey("delivery_id", "manual")
    delivery_id = models.UUIDField()
    manual = models.BooleanField(default=False, help_text="A redelivery: sent once, beside the schedule.")
    endpoint_id = models.UUIDField()
    event_id = models.UUIDField()
    rank = models.SmallIntegerField(default=Rank.FIRST)
    attempts = models.SmallIntegerField(default=0, help_text="Scheduled attempts already made.")
    due_at = models.DateTimeField(null=True)
    actor = models.TextField(default="", help_text="Who asked for a redelivery.")
    reason = models.TextField(default="", db_default="", help_text="Why a redelivery was asked for.")
    job_id = models.UUIDField(null=True)

    class Meta:
        db_table = "hookpost_due_delivery"
        indexes = (
            # sql/claim_batch.sql
            models.Index(fields=("endpoint_id", "rank", "due_at", "event_id"), name="due_delivery_claim"),
            # services/job_steps.py, sql/cancel_due.sql, sql/tend_jobs.sql
            models.Index(
                fields=("job_id", "endpoint_id"),
                name="due_delivery_of_job",
                condition=models.Q(job_id__isnull=False),
            ),
        )


class Lane(models.Model):
    """The due deliveries of one endpoint, and what is known of its health. The database's clock judges leases."""

    endpoint = models.OneToOneField(Endpoint, primary_key=True, on_delete=models.CASCADE, related_name="lane")
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0, help_text="Rises with every lease: the fencing token.")
    crashes = models.SmallIntegerField(default=0, help_text="Leases in a row whose worker was lost.")
    suspect_id = models.UUIDField(null=True, help_text="The delivery that was sent alone when its worker was lost.")
    rest_until = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0, help_text="Failures in a row.")
    opened = models.IntegerField(default=0, help_text="Times in a row that the breaker opened.")
    failing_since = models.DateTimeField(null=True, help_text="Since when no delivery has arrived.")
    tokens = models.FloatField(default=1, help_text="Rate limit: what may be sent at once.")
    tokens_at = MomentField(auto_now_add=True)
    slow = models.BooleanField(default=False, help_text="Answers late or never: served from the queue deliveries_slow.")
    worker_id = models.UUIDField(null=True, help_text="Who leased it last: the id of a row in hookpost_worker.")
    rest_reason = models.TextField(default="", db_default="", help_text="Why the lane rests, while it does.")
    window = models.SmallIntegerField(
        default=0, db_default=0, help_text="Requests in flight at most, growing after a 429; 0: as many as it may."
    )

    class Meta:
        db_table = "hookpost_lane"
        # services/reading/endpoint_health.py: who fails, among many who do not
        indexes = (
            models.Index(
                fields=("failing_since",), name="lane_failing", condition=models.Q(failing_since__isnull=False)
            ),
        )


class Worker(models.Model):
    """An engine of a worker process that says every second that it lives; leases of one that is silent are over.

    `since` is when it last began to beat without a gap: another one is silent only beside one that beat all the while.
    """

    id = models.UUIDField(primary_key=True)
    host = models.TextField(default="", db_default="")
    pid = models.IntegerField(default=0, db_default=0)
    slow = models.BooleanField(default=False, db_default=False)
    since = models.DateTimeField()
    beat_at = models.DateTimeField()
    clock_offset_seconds = models.FloatField(null=True, help_text="How far its host is ahead of the database.")
    version = models.TextField(default="", db_default="", help_text="What it runs.")
    silent_seconds = models.FloatField(
        default=4.0, db_default=4.0, help_text="Others take its lanes after so long without a beat."
    )

    class Meta:
        db_table = "hookpost_worker"


class FanOut(models.Model):
    """An event that is stored and whose deliveries are still being made, endpoint by endpoint in the order of ids."""

    event_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField(null=True, help_text="Empty: every customer.")
    after_id = models.UUIDField(null=True, help_text="The last endpoint that is done.")
    lease_until = models.DateTimeField(null=True)
    turn_at = models.DateTimeField()
    filter_ms = models.IntegerField(default=0, help_text="What evaluating filters has taken so far.")

    class Meta:
        db_table = "hookpost_fan_out"


class IdempotencyKey(models.Model):
    """What an Idempotency-Key was answered with. `deliveries` is null where a large fan-out was still to come."""

    pk = models.CompositePrimaryKey("owner_id", "key")
    owner_id = models.UUIDField(help_text="The customer whose key it came with; of a service the installation.")
    key = models.TextField()
    customer_id = models.UUIDField(null=True, help_text="Whom the event is for; the key ends with this customer.")
    fingerprint = models.BinaryField()
    event_id = models.UUIDField()
    deliveries = models.IntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "hookpost_idempotency_key"
        # sql/purge_idempotency_keys.sql
        indexes = (models.Index(fields=("created_at",), name="idempotency_key_purge"),)
