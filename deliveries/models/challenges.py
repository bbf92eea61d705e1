"""Challenges: what an endpoint's URL was asked, and whether it has answered."""

from __future__ import annotations

from django.db import models

from deliveries.models.endpoints import Endpoint


class Challenge(models.Model):
    """One for each endpoint whose URL was registered or changed while challenges were asked for."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for an answer"
        FAILED = "failed", "Not answered"
        VERIFIED = "verified", "Answered"

    endpoint = models.OneToOneField(Endpoint, primary_key=True, on_delete=models.CASCADE, related_name="asked")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    detail = models.TextField(default="", help_text="Why the last answer was none.")
    value = models.TextField(default="", help_text="What is to be returned.")
    delivery_id = models.UUIDField(null=True, help_text="The delivery that asks; null: none is under way.")
    tries = models.SmallIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, db_index=True, help_text="When it is asked; null: not by itself.")
    verified_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hookpost_challenge"
