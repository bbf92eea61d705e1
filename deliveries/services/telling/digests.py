"""Digests: once a day, in the morning of whoever chose it, one letter about what was noted since the last one.

What lives here: when one is due, and what is in it. `digest_from` is when the newest alert was noted that a member was
told of; `digest_due_at` is empty while there is no newer one. It must not know how alerts are noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from deliveries.models import Alert, Member
from deliveries.protocol.writing.time_zones import next_at
from deliveries.services.common import clock
from deliveries.services.telling.alert_facts import errors_of, is_over
from deliveries.services.telling.alert_letters import Letter, letter_to
from deliveries.services.telling.mail_choices import KINDS, reader_of, with_address
from deliveries.services.telling.mail_server import CLAIM_AGAIN, send_letters

log = structlog.get_logger(__name__)

MORNING = 8
CLAIM_LIMIT = 200
ALERTS_LIMIT = 1000
GIVE_UP = timedelta(days=2)  # after the newest alert in it was noted, which waited for a morning already

DAILY = Member.MailRhythm.DAILY


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What a member is to be told: the letter, None when all of it is over, and the newest alert that was looked at."""

    member: Member
    letter: Letter | None
    newest: datetime


def is_digest_due() -> bool:
    """Say whether a digest waits to be mailed."""
    return _due().exists()


def plan_digests(alerts: Iterable[Alert]) -> None:
    """Let those who want a digest have one in the morning, if these alerts are news to them."""
    newest: dict[UUID, datetime] = {}
    for alert in alerts:
        if alert.endpoint is not None:
            whose = alert.endpoint.customer_id
            newest[whose] = max(newest.get(whose, alert.created_at), alert.created_at)
    for customer_id, at in newest.items():
        waiting = with_address().filter(customer_id=customer_id, mail_rhythm=DAILY, digest_due_at=None)
        for member in waiting.filter(digest_from__lt=at):
            Member.objects.filter(pk=member.pk, digest_due_at=None).update(digest_due_at=_morning_of(member))


def send_due_digests() -> int:
    """Send the digests that are due; returns how many letters went out."""
    digests = [_digest_of(member) for member in _claim()]
    sent, left = send_letters([each.letter for each in digests if each.letter is not None])
    for each in digests:
        if each.letter is None or each.letter not in left:
            _settle(each, was_sent=each.letter in sent)
        elif clock.likely_now() - each.newest > GIVE_UP:
            log.error("digest_given_up", member=each.member.public_id)
            _settle(each, was_sent=False)
    return len(sent)


def _due() -> QuerySet[Member]:
    """Return whose digest is due; of a customer that moves to another cell they are sent there."""
    return with_address().filter(digest_due_at__lte=clock.likely_now(), customer__moving="")


def _claim() -> list[Member]:
    now = clock.likely_now()
    with transaction.atomic():
        due = _due().order_by("digest_due_at")
        claimed = list(due.select_for_update(of=("self",), skip_locked=True, no_key=True)[:CLAIM_LIMIT])
        Member.objects.filter(pk__in=[each.pk for each in claimed]).update(digest_due_at=now + CLAIM_AGAIN)
    return claimed


def _digest_of(member: Member) -> Digest:
    alerts = list(
        _news_for(member).select_related("endpoint__customer", "endpoint__lane").order_by("-id")[:ALERTS_LIMIT]
    )
    reader = reader_of(member)
    told = [alert for alert in alerts if reader.wants(alert) and not is_over(alert)]
    letter = letter_to(reader, told, errors_of(told), is_digest=True) if told else None
    since = member.digest_from or clock.likely_now()
    return Digest(member=member, letter=letter, newest=max((alert.created_at for alert in alerts), default=since))


def _news_for(member: Member) -> QuerySet[Alert]:
    """Return what was noted since the member was told last; rows for single deliveries are for programs."""
    noted = Alert.objects.filter(endpoint__customer_id=member.customer_id, kind__in=KINDS, delivery_id=None)
    return noted.filter(created_at__gt=member.digest_from)


def _settle(digest: Digest, *, was_sent: bool) -> None:
    """Begin anew after the newest alert that was told; what was noted meanwhile is told the next morning."""
    member = digest.member
    if was_sent and digest.letter is not None:
        Alert.objects.filter(id__in=digest.letter.about, mailed_at=None).update(mailed_at=clock.likely_now())
    member.digest_from = digest.newest
    member.digest_due_at = _morning_of(member) if _news_for(member).exists() else None
    member.save(update_fields=["digest_from", "digest_due_at"])


def _morning_of(member: Member) -> datetime:
    return next_at(MORNING, zone=reader_of(member).zone, now=clock.likely_now())
