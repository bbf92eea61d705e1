"""One-time links into the portal."""

from __future__ import annotations

from django.db import models

from deliveries.models.base import IdentifiedModel, MomentField
from deliveries.models.members import Member
from deliveries.protocol.writing import ids


class PortalLink(IdentifiedModel):
    """A link that logs a member in once; only the SHA-256 of its token is kept."""

    PREFIX = ids.PORTAL_LINK

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="portal_links")
    hashed = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = MomentField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hookpost_portal_link"
        ordering = ("-id",)
