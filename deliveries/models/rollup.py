"""The roll-up: what the attempts of each hour came to, counted once from the log."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

# First attempts are counted by how long they took, in milliseconds: up to each of these, and beyond the last.
DURATIONS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
ALL_ENDPOINTS = UUID(int=0)


class EndpointHour(models.Model):
    """How many attempts of an endpoint ended in the same way in one hour.

    Under the id of a customer are the sums of its endpoints, under ALL_ENDPOINTS those of all.
    """

    pk = models.CompositePrimaryKey("endpoint_id", "hour", "error", "status_code")
    endpoint_id = models.UUIDField()
    hour = models.DateTimeField()
    error = models.TextField(help_text="Empty: it arrived.")
    status_code = models.SmallIntegerField(help_text="0: no answer.")
    attempts = models.IntegerField()
    first_attempts = models.IntegerField()
    first_durations = ArrayField(
        models.IntegerField(), help_text="First attempts by how long they took, see DURATIONS_MS."
    )
    last_at = models.DateTimeField()

    class Meta:
        db_table = "hookpost_endpoint_hour"
        # services/reading/endpoint_health.py: purge_hours
        indexes = (models.Index(fields=("hour",), name="endpoint_hour_purge"),)


class Watermark(models.Model):
    """The id up to which something was counted."""

    name = models.CharField(max_length=32, primary_key=True)
    through = models.UUIDField()

    class Meta:
        db_table = "hookpost_watermark"
