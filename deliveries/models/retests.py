"""Retests of endpoints that were disabled for failing: when the next one goes, and by which delivery."""

from __future__ import annotations

from django.db import models

from deliveries.models.endpoints import Endpoint


class Retest(models.Model):
    """One for each endpoint that is tried by itself, until a retest arrives or the days of the setting are over."""

    endpoint = models.OneToOneField(Endpoint, primary_key=True, on_delete=models.CASCADE, related_name="retest")
    disabled_at = models.DateTimeField(help_text="Which time of being disabled it belongs to.")
    delivery_id = models.UUIDField(null=True, help_text="The test event that is sent each time.")
    tries = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "hookpost_retest"
