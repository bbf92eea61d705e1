"""Alerts by mail: to the members of the customer, and to the operator.

What lives here: who gets a letter, and when a letter is tried again. Alerts are claimed in one transaction and marked
in another; in between no transaction is open, and the mail server may take its time: the dispatcher runs this on a
thread of its own, which sends digests, invitations and links that set a password too. It must not know what a letter
says.

A process that dies in between lets a letter go out twice, not never.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import connection, transaction

from deliveries.models import Alert
from deliveries.services.common import clock
from deliveries.services.telling.alert_facts import errors_of, is_over
from deliveries.services.telling.alert_letters import Letter, letters_for
from deliveries.services.telling.alerts import staying
from deliveries.services.telling.digests import is_digest_due, plan_digests, send_due_digests
from deliveries.services.telling.invitation_mail import is_invitation_due, send_due_invitations
from deliveries.services.telling.mail_choices import readers_of
from deliveries.services.telling.mail_rows import again_at
from deliveries.services.telling.mail_server import CLAIM_AGAIN, send_letters
from deliveries.services.telling.password_mail import is_password_due, send_due_passwords

log = structlog.get_logger(__name__)

CLAIM_LIMIT = 1000


def is_mail_due() -> bool:
    """Say whether an alert, a digest, an invitation or a link waits to be mailed."""
    is_alert_due = staying(Alert.objects.filter(mail_due_at__lte=clock.likely_now())).exists()
    return is_alert_due or is_invitation_due() or is_password_due() or is_digest_due()


def run_mail_thread() -> None:
    """Send what is due, on a thread of its own; whatever fails is logged."""
    try:
        for send in (send_due_passwords, send_due_invitations, send_due_mail, send_due_digests):
            try:
                send()
            except Exception:
                log.exception("mail_failed")
    finally:
        connection.close()


def send_due_mail() -> int:
    """Send the letters about all alerts that are due; returns how many letters went out."""
    alerts = _claim()
    if not alerts:
        return 0
    current = [alert for alert in alerts if not is_over(alert)]
    plan_digests(current)
    customers = {alert.endpoint.customer_id for alert in current if alert.endpoint}
    letters = letters_for(current, readers=readers_of(customers), errors=errors_of(current))
    sent, left = send_letters(letters)
    _settle(alerts, sent=sent, left=left)
    return len(sent)


def _claim() -> list[Alert]:
    now = clock.likely_now()
    with transaction.atomic():
        due = staying(Alert.objects.filter(mail_due_at__lte=now))
        due = due.select_related("endpoint__customer", "endpoint__lane")
        alerts = list(due.order_by("mail_due_at").select_for_update(of=("self",), skip_locked=True)[:CLAIM_LIMIT])
        Alert.objects.filter(id__in=[alert.id for alert in alerts]).update(mail_due_at=now + CLAIM_AGAIN)
    return alerts


def _settle(alerts: Sequence[Alert], *, sent: Sequence[Letter], left: Sequence[Letter]) -> None:
    now = clock.likely_now()
    told = {alert_id for letter in sent for alert_id in letter.about}
    waiting = {alert_id for letter in left for alert_id in letter.about}
    done = [alert.id for alert in alerts if alert.id not in waiting]
    Alert.objects.filter(id__in=done).update(mail_due_at=None)
    Alert.objects.filter(id__in=told, mailed_at=None).update(mailed_at=now)
    for alert in alerts:
        if alert.id in waiting:
            again = again_at(alert.created_at, now)
            Alert.objects.filter(id=alert.id).update(mail_due_at=again)
            if again is None:
                log.error("alert_mail_given_up", alert=alert.public_id)
