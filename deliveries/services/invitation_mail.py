"""Invitations by mail: which are due, and what they say.

What lives here: the letter; its fate is in mail_rows.py. The link is made here and kept nowhere.
"""

from __future__ import annotations

from deliveries.models import Invitation
from deliveries.services.alert_letters import plain
from deliveries.services.brands import brand_of
from deliveries.services.invitations import token_of
from deliveries.services.mail_rows import RowLetter, in_paragraphs, is_row_due, send_due_rows
from deliveries.services.site_links import PORTAL, url_of


def is_invitation_due() -> bool:
    """Say whether an invitation waits to be mailed."""
    return is_row_due(Invitation.objects.all())


def send_due_invitations() -> int:
    """Mail the invitations that are due; returns how many went out."""
    return send_due_rows(Invitation.objects.select_related("customer"), letter_of)


def letter_of(invitation: Invitation) -> RowLetter:
    """Return the mail with the link; what others chose in it is one line of plain text."""
    customer, brand = plain(invitation.customer.name), brand_of(invitation.customer)
    body = in_paragraphs(
        (
            f"You are invited to the webhooks of {customer}, as {invitation.role}.",
            url_of(PORTAL, "invitation", token_of(invitation)),
            f"The link serves once, until {invitation.expires_at:%Y-%m-%d %H:%M} UTC.",
            "If you did not expect this, do nothing: without the link nothing happens.",
            *([f"Questions: {brand.support}"] if brand.support else []),
        )
    )
    return RowLetter(
        row_id=invitation.id, to=invitation.email, subject=f"[{brand.name}] Invitation to {customer}", body=body
    )
