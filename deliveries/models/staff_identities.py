"""Who somebody of staff is at the provider that they log in by."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import UniqueConstraint

from deliveries.models.base import MomentField

ISSUER_LIMIT = 500
SUBJECT_LIMIT = 255  # OpenID Connect Core 1.0, 2


class StaffIdentity(models.Model):
    """What the provider calls one log-in: nothing else, neither name nor address, tells whose it is."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="hookpost_identity"
    )
    issuer = models.CharField(max_length=ISSUER_LIMIT)
    subject = models.CharField(max_length=SUBJECT_LIMIT)
    was_made = models.BooleanField(help_text="The log-in was made for it; false: it was there before.")
    created_at = MomentField(auto_now_add=True)

    class Meta:
        db_table = "hookpost_staff_identity"
        constraints = (UniqueConstraint(fields=("issuer", "subject"), name="staff_identity_of_one"),)

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
