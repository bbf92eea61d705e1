"""Deliveries that a poller has taken and not answered yet. A row leaves with its answer, or when its time is over."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import IdentifiedModel
from deliveries.models.endpoints import Endpoint
from deliveries.protocol.writing import ids


class PollLease(IdentifiedModel):
    """A poller's right to answer for a delivery, and what the attempt that it becomes has to know.

    The delivery stays due meanwhile; what may be taken is due and has no lease.
    """

    PREFIX = ids.POLL_LEASE

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="+")
    delivery_id = models.UUIDField()
    manual = models.BooleanField(help_text="A redelivery: sent once, beside the schedule.")
    event_id = models.UUIDField()
    event_type = models.TextField()
    rank = models.SmallIntegerField()
    attempts = models.SmallIntegerField(help_text="Scheduled attempts made before.")
    actor = models.TextField(help_text="Who asked for a redelivery.")
    reason = models.TextField(help_text="Why a redelivery was asked for.")
    taken_at = models.DateTimeField()
    until = models.DateTimeField()
    request_headers = models.TextField(default="", help_text="As handed out; values of one's own are hidden.")

    class Meta:
        db_table = "hookpost_poll_lease"
        constraints = (models.UniqueConstraint(fields=("delivery_id",), name="poll_lease_once_for_delivery"),)
        # engine/polls.py: those that are over
        indexes = (models.Index(fields=("until",), name="poll_lease_over"),)

    def __str__(self) -> str:
        return self.public_id
