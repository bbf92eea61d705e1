"""Alerts: what somebody must hear of, once for each incident."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deliveries.models.base import REASON_LIMIT, IdentifiedModel
from deliveries.models.endpoints import Endpoint
from deliveries.protocol.writing import ids


class Alert(IdentifiedModel):
    """One incident: `since` is its beginning, which tells it from the next one of its kind.

    `told_at` is when the customer's own endpoints were told, or that none listens. A mail waits while
    `mail_due_at` is set; `mailed_at` stays empty where there was nobody to write to.
    """

    PREFIX = ids.ALERT

    class Kind(models.TextChoices):
        FAILING = "endpoint.failing", _("Endpoint fails")
        WARNING = "endpoint.disable_warning", _("Endpoint is disabled soon")
        DISABLED = "endpoint.disabled", _("Endpoint disabled")
        CERTIFICATE = "endpoint.certificate_ending", _("Certificate ends soon")
        EXHAUSTED = "delivery.exhausted", _("Deliveries given up")
        CANNOT_SEND = "sending.stopped", _("Nothing can be sent")

    kind = models.CharField(max_length=32, choices=Kind.choices)
    # Without a constraint: its lock on the endpoint, taken while a lane is locked, could wait for whoever resumes it.
    endpoint = models.ForeignKey(
        Endpoint,
        null=True,
        on_delete=models.CASCADE,
        related_name="alerts",
        db_constraint=False,
        db_index=False,
        help_text="Empty: all.",
    )
    delivery_id = models.UUIDField(null=True)
    since = models.DateTimeField()
    reason = models.CharField(max_length=REASON_LIMIT, blank=True, default="")
    created_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hookpost_alert"
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("endpoint", "kind", "delivery_id", "since"),
                name="alert_once_per_incident",
                nulls_distinct=False,
            ),
        )
        indexes = (
            # services/telling/alerts.py: tell_customers, once a second
            models.Index(fields=("id",), name="alert_untold", condition=Q(told_at__isnull=True)),
            # services/telling/alert_mail.py: once a second
            models.Index(fields=("mail_due_at",), name="alert_unmailed", condition=Q(mail_due_at__isnull=False)),
        )
