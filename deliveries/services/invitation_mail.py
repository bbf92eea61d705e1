"""Invitations by mail: which are due, what they say, and when one is tried again.

What lives here: the letter, and its fate. They are claimed in one transaction and marked in another, as alerts are
(alert_mail.py, which runs this on the dispatcher's mail thread). The link is made here and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from deliveries.models import Invitation
from deliveries.services import clock
from deliveries.services.alert_letters import plain
from deliveries.services.invitations import token_of
from deliveries.services.mail_server import send_letters
from deliveries.services.site_links import PORTAL, url_of

log = structlog.get_logger(__name__)

CLAIM_LIMIT = 200
CLAIM_AGAIN = timedelta(minutes=15)  # longer than a run and one hanging letter
SOONEST_RETRY = timedelta(minutes=1)
GIVE_UP = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLetter:
    """One mail to one address."""

    invitation_id: UUID
    to: str
    subject: str
    body: str


def is_invitation_due() -> bool:
    """Say whether an invitation waits to be mailed."""
    return Invitation.objects.filter(mail_due_at__lte=clock.likely_now()).exists()


def send_due_invitations() -> int:
    """Mail the invitations that are due; returns how many went out."""
    claimed = _claim()
    if not claimed:
        return 0
    sent, left = send_letters([letter_of(invitation) for invitation in claimed])
    _settle(claimed, sent=sent, left=left)
    return len(sent)


def letter_of(invitation: Invitation) -> InvitationLetter:
    """Return the mail with the link; what others chose in it is one line of plain text."""
    customer = plain(invitation.customer.name)
    lines = (
        f"You are invited to the webhooks of {customer}, as {invitation.role}.",
        url_of(PORTAL, "invitation", token_of(invitation)),
        f"The link serves once, until {invitation.expires_at:%Y-%m-%d %H:%M} UTC.",
        "If you did not expect this, do nothing: without the link nothing happens.",
    )
    subject = f"[Hookpost] Invitation to {customer}"
    return InvitationLetter(
        invitation_id=invitation.id, to=invitation.email, subject=subject, body="\n\n".join(lines) + "\n"
    )


def _claim() -> list[Invitation]:
    now = clock.likely_now()
    with transaction.atomic():
        due = Invitation.objects.filter(mail_due_at__lte=now).select_related("customer").order_by("mail_due_at")
        claimed = list(due.select_for_update(of=("self",), skip_locked=True)[:CLAIM_LIMIT])
        Invitation.objects.filter(id__in=[each.id for each in claimed]).update(mail_due_at=now + CLAIM_AGAIN)
    return claimed


def _settle(
    claimed: Sequence[Invitation], *, sent: Sequence[InvitationLetter], left: Sequence[InvitationLetter]
) -> None:
    now = clock.likely_now()
    waiting = {letter.invitation_id for letter in left}
    Invitation.objects.filter(id__in=[letter.invitation_id for letter in sent]).update(mailed_at=now)
    for invitation in claimed:
        again = _again(invitation, now) if invitation.id in waiting else None
        Invitation.objects.filter(id=invitation.id, mail_due_at__isnull=False).update(mail_due_at=again)
        if again is None and invitation.id in waiting:
            log.error("invitation_mail_given_up", invitation=invitation.public_id)


def _again(invitation: Invitation, now: datetime) -> datetime | None:
    age = now - invitation.created_at  # waiting as long as it is old doubles the distance each time
    return now + max(age, SOONEST_RETRY) if age < GIVE_UP else None
