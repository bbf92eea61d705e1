"""Invitations by mail: which are due, and what they say.

What lives here: the letter; its fate is in mail_rows.py. The link is made here and kept nowhere.
"""

from __future__ import annotations

from django.utils.translation import gettext

from deliveries.models import Invitation
from deliveries.protocol.writing.time_zones import stamp
from deliveries.services.common.languages import in_words, language_of_address, speaking, tell
from deliveries.services.common.own_time import zone_of_address
from deliveries.services.common.site_links import PORTAL, url_of
from deliveries.services.people.brands import brand_of
from deliveries.services.people.invitations import token_of
from deliveries.services.telling.alert_letters import plain
from deliveries.services.telling.letters import Line, link_line
from deliveries.services.telling.mail_rows import RowLetter, is_row_due, letter_of_lines, send_due_rows


def is_invitation_due() -> bool:
    """Say whether an invitation waits to be mailed."""
    return is_row_due(Invitation.objects.all())


def send_due_invitations() -> int:
    """Mail the invitations that are due; returns how many went out."""
    return send_due_rows(Invitation.objects.select_related("customer"), letter_of)


def letter_of(invitation: Invitation) -> RowLetter:
    """Return the mail with the link, in the recipient's language; what others chose is one line of plain text."""
    with speaking(language_of_address(invitation.email)):
        return _letter_of(invitation)


def _letter_of(invitation: Invitation) -> RowLetter:
    customer, brand = plain(invitation.customer.name), brand_of(invitation.customer)
    end = stamp(invitation.expires_at, zone_of_address(invitation.email))
    role = in_words(invitation.role)
    lines: list[str | Line] = [
        tell("You are invited to the webhooks of {customer}, as {role}.", customer=customer, role=role),
        link_line(url_of(PORTAL, "invitation", token_of(invitation)), gettext("Accept the invitation")),
        tell("The link serves once, until {at}.", at=end),
        gettext("If you did not expect this, do nothing: without the link nothing happens."),
    ]
    if brand.support:
        lines.append(tell("Questions: {support}", support=brand.support))
    subject = tell("Invitation to {customer}", customer=customer)
    return letter_of_lines(invitation.id, invitation.email, subject, lines, brand=brand)
