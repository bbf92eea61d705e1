"""What belongs to a log-in, whatever it is for: where it is used, and the mails that let its password be set."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from deliveries.models.base import IdentifiedModel
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.time_zones import NAME_LIMIT


class LogIn(models.Model):
    """One log-in; made when it is first used on the staff's site, or its time zone, language or a view is kept."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="hookpost_log_in"
    )
    session_hashes = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        editable=False,
        help_text="Of its sessions on the staff's site, the newest last.",
    )
    time_zone = models.CharField(
        max_length=NAME_LIMIT, default="", db_default="", editable=False, help_text="Empty: the browser's."
    )
    language = models.CharField(
        max_length=8, default="", db_default="", editable=False, help_text="What its person chose; empty: nothing."
    )
    views = models.JSONField(
        default=dict, db_default={}, editable=False, help_text="Of lists, by the list's name: names and query strings."
    )

    class Meta:
        db_table = "hookpost_log_in"

    def __str__(self) -> str:
        return f"Log-in of {self.user}"


class PasswordMail(IdentifiedModel):
    """A mail with a link that sets a password, once; the link is signed by Django and kept nowhere."""

    PREFIX = ids.PASSWORD_MAIL

    class Kind(models.TextChoices):
        """What it is about."""

        INVITED = "invited", "invited to the staff's site"
        FORGOTTEN = "forgotten", "asked for at the log-in"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="password_mails")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    created_at = models.DateTimeField()
    mail_due_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hookpost_password_mail"
        ordering = ("-id",)
        indexes = (
            # services/telling/password_mail.py: once a second
            models.Index(fields=("mail_due_at",), name="password_unmailed", condition=Q(mail_due_at__isnull=False)),
        )
