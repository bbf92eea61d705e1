"""Alerts by mail: to the members of the customer, and to the operator.

What lives here: who gets a letter, and when a letter is tried again. Alerts are claimed in one transaction and marked
in another; in between no transaction is open, and the mail server may take its time: the dispatcher runs this on a
thread of its own, which sends invitations and links that set a password too. It must not know what a letter says.

A process that dies in between lets a letter go out twice, not never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction

from deliveries.models import Alert, Delivery, DueDelivery, Member
from deliveries.services import clock
from deliveries.services.alert_letters import Letter, explain_lately, letters_for
from deliveries.services.early_warnings import certificate_meant, percent_meant
from deliveries.services.invitation_mail import is_invitation_due, send_due_invitations
from deliveries.services.mail_server import send_letters
from deliveries.services.password_mail import is_password_due, send_due_passwords

log = structlog.get_logger(__name__)

CLAIM_LIMIT = 1000
MEMBERS_LIMIT = 20
LOOKED_AT = 100
CLAIM_AGAIN = timedelta(minutes=15)  # longer than a run and one hanging letter
SOONEST_RETRY = timedelta(minutes=1)
GIVE_UP = timedelta(days=1)


def is_mail_due() -> bool:
    """Say whether an alert, an invitation or a link waits to be mailed."""
    is_alert_due = Alert.objects.filter(mail_due_at__lte=clock.likely_now()).exists()
    return is_alert_due or is_invitation_due() or is_password_due()


def run_mail_thread() -> None:
    """Send what is due, on a thread of its own; whatever fails is logged."""
    try:
        for send in (send_due_passwords, send_due_invitations, send_due_mail):
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
    current = [alert for alert in alerts if not _is_over(alert)]
    letters = letters_for(current, addresses=_addresses(current), errors=_errors(current))
    sent, left = send_letters(letters)
    _settle(alerts, sent=sent, left=left)
    return len(sent)


def _claim() -> list[Alert]:
    now = clock.likely_now()
    with transaction.atomic():
        due = Alert.objects.filter(mail_due_at__lte=now).select_related("endpoint__customer", "endpoint__lane")
        alerts = list(due.order_by("mail_due_at").select_for_update(of=("self",), skip_locked=True)[:CLAIM_LIMIT])
        Alert.objects.filter(id__in=[alert.id for alert in alerts]).update(mail_due_at=now + CLAIM_AGAIN)
    return alerts


def _is_over(alert: Alert) -> bool:
    """Say whether there is nothing to write about any more: the endpoint was deleted, or works again."""
    if alert.endpoint is None:
        return alert.endpoint_id is not None
    lane = getattr(alert.endpoint, "lane", None)
    works = alert.kind == Alert.Kind.FAILING and (lane is None or lane.failing_since != alert.since)
    is_put_right = alert.kind == Alert.Kind.CERTIFICATE and certificate_meant(alert.endpoint, alert.since) is None
    recovered = alert.kind == Alert.Kind.WARNING and percent_meant(lane, alert.since) is None
    return works or is_put_right or recovered or alert.endpoint.deleted_at is not None


def _addresses(alerts: Iterable[Alert]) -> Mapping[UUID, Sequence[str]]:
    customer_ids = {alert.endpoint.customer_id for alert in alerts if alert.endpoint}
    members = Member.objects.filter(customer_id__in=customer_ids, user__is_active=True).exclude(user__email="")
    found: dict[UUID, dict[str, None]] = {}
    for customer_id, address in members.order_by("id").values_list("customer_id", "user__email"):
        found.setdefault(customer_id, {})[address] = None
    return {customer_id: list(addresses)[:MEMBERS_LIMIT] for customer_id, addresses in found.items()}


def _errors(alerts: Iterable[Alert]) -> Mapping[UUID, str]:
    found = {}
    for endpoint_id in {alert.endpoint_id for alert in alerts if alert.endpoint_id}:
        if (latest := _tried_lately(endpoint_id)) is not None:
            found[endpoint_id] = explain_lately(latest.error, latest.status_code)
    return found


def _tried_lately(endpoint_id: UUID) -> Delivery | None:
    """Return a delivery that waits for a retry, else one of the newest that was tried, if it is near."""
    retries = DueDelivery.objects.filter(endpoint_id=endpoint_id, rank=DueDelivery.Rank.RETRY)
    if waiting := list(retries.values_list("delivery_id", flat=True)[:1]):
        return Delivery.objects.filter(id=waiting[0]).first()
    newest = Delivery.objects.filter(endpoint_id=endpoint_id).order_by("-id")[:LOOKED_AT]
    return next((delivery for delivery in newest if delivery.attempts), None)


def _settle(alerts: Sequence[Alert], *, sent: Sequence[Letter], left: Sequence[Letter]) -> None:
    now = clock.likely_now()
    told = {alert_id for letter in sent for alert_id in letter.about}
    waiting = {alert_id for letter in left for alert_id in letter.about}
    done = [alert.id for alert in alerts if alert.id not in waiting]
    Alert.objects.filter(id__in=done).update(mail_due_at=None)
    Alert.objects.filter(id__in=told, mailed_at=None).update(mailed_at=now)
    for alert in alerts:
        if alert.id in waiting:
            age = now - alert.created_at  # waiting as long as it is old doubles the distance each time
            again = now + max(age, SOONEST_RETRY) if age < GIVE_UP else None
            Alert.objects.filter(id=alert.id).update(mail_due_at=again)
            if again is None:
                log.error("alert_mail_given_up", alert=alert.public_id)
