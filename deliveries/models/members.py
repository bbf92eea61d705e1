"""The people of customers, and who was invited to be one."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deliveries.models.base import IdentifiedModel, MomentField
from deliveries.models.customers import Customer
from deliveries.protocol.who.member_roles import MemberRole
from deliveries.protocol.writing import ids

ROLES = [(role.value, role.value) for role in MemberRole]


class Member(IdentifiedModel):
    """A person of a customer who logs in to the portal; one person may be a member of several."""

    PREFIX = ids.MEMBER

    class MailRhythm(models.TextChoices):
        """When alerts are mailed to a member."""

        AT_ONCE = "at_once", _("At once")
        DAILY = "daily", _("Once a day, at 8 in the morning")
        NEVER = "never", _("Never")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=16, choices=ROLES, default=MemberRole.OWNER.value, db_default=MemberRole.OWNER.value
    )
    session_hashes = ArrayField(
        models.TextField(), default=list, db_default=[], editable=False, help_text="Of its sessions, the newest last."
    )
    mail_rhythm = models.CharField(
        max_length=8,
        choices=MailRhythm.choices,
        default=MailRhythm.AT_ONCE,
        db_default=MailRhythm.AT_ONCE.value,
        editable=False,
    )
    muted_kinds = ArrayField(
        models.CharField(max_length=32), default=list, db_default=[], editable=False, help_text="Of alerts, not mailed."
    )
    muted_endpoints = ArrayField(
        models.UUIDField(), default=list, db_default=[], editable=False, help_text="About which nothing is mailed."
    )
    digest_from = models.DateTimeField(null=True, editable=False, help_text="Alerts noted later were not told of yet.")
    digest_due_at = models.DateTimeField(null=True, editable=False)
    created_at = MomentField(auto_now_add=True)

    class Meta:
        db_table = "hookpost_member"
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("user", "customer"), name="member_once_of_a_customer"),)
        indexes = (
            # services/telling/digests.py: once a second
            models.Index(fields=("digest_due_at",), name="member_digest_due", condition=Q(digest_due_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.user} of {self.customer}"


class Invitation(IdentifiedModel):
    """A mail that makes whoever reads it a member, once; its link is signed and kept nowhere."""

    PREFIX = ids.INVITATION

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="invitations")
    email = models.CharField(max_length=150)
    role = models.CharField(max_length=16, choices=ROLES)
    actor = models.CharField(max_length=200, help_text="Who invited.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hookpost_invitation"
        ordering = ("-id",)
        indexes = (
            # services/telling/invitation_mail.py: once a second
            models.Index(fields=("mail_due_at",), name="invitation_unmailed", condition=Q(mail_due_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.email} to {self.customer}"
