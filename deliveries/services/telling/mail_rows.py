"""Rows that wait to be mailed: claimed in one transaction, marked in another, tried again for a day.

What lives here: the fate of such a row, whatever its letter says. In between no transaction is open, and the mail
server may take its time: the dispatcher runs this on its mail thread. A process that dies in between lets a letter go
out twice, not never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from deliveries.models import Invitation, PasswordMail
from deliveries.services.common import clock
from deliveries.services.people.brands import Brand
from deliveries.services.telling.letters import Line, as_html, as_text
from deliveries.services.telling.mail_server import CLAIM_AGAIN, send_letters

log = structlog.get_logger(__name__)

CLAIM_LIMIT = 200
SOONEST_RETRY = timedelta(minutes=1)
LATEST_RETRY = timedelta(minutes=30)  # so that who waits for a letter has it soon after the server is back
GIVE_UP = timedelta(days=1)

MailedRow = TypeVar("MailedRow", Invitation, PasswordMail)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLetter:
    """One mail to one address, of one row."""

    row_id: UUID
    to: str
    subject: str
    body: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


def letter_of_lines(row_id: UUID, to: str, subject: str, lines: Iterable[str | Line], *, brand: Brand) -> RowLetter:
    """Return a letter with a paragraph for each line, in the look and with the name of a brand."""
    parts, subject = [(line,) for line in lines], f"[{brand.name}] {subject}"
    html = as_html(parts, subject=subject, brand=brand)
    return RowLetter(row_id=row_id, to=to, subject=subject, body=as_text(parts), html=html)


def is_row_due(rows: QuerySet[MailedRow]) -> bool:
    """Say whether one of these waits to be mailed."""
    return rows.filter(mail_due_at__lte=clock.likely_now()).exists()


def send_due_rows(rows: QuerySet[MailedRow], letter_of: Callable[[MailedRow], RowLetter]) -> int:
    """Mail those of these rows that are due; returns how many went out."""
    claimed = _claim(rows)
    if not claimed:
        return 0
    sent, left = send_letters([letter_of(row) for row in claimed])
    _settle(rows, claimed, sent=sent, left=left)
    return len(sent)


def _claim(rows: QuerySet[MailedRow]) -> list[MailedRow]:
    now = clock.likely_now()
    with transaction.atomic():
        due = rows.filter(mail_due_at__lte=now).order_by("mail_due_at")
        claimed = list(due.select_for_update(of=("self",), skip_locked=True)[:CLAIM_LIMIT])
        rows.filter(id__in=[each.id for each in claimed]).update(mail_due_at=now + CLAIM_AGAIN)
    return claimed


def _settle(
    rows: QuerySet[MailedRow], claimed: Sequence[MailedRow], *, sent: Sequence[RowLetter], left: Sequence[RowLetter]
) -> None:
    now = clock.likely_now()
    waiting = {letter.row_id for letter in left}
    rows.filter(id__in=[letter.row_id for letter in sent]).update(mailed_at=now)
    for row in claimed:
        again = again_at(row.created_at, now) if row.id in waiting else None
        rows.filter(id=row.id, mail_due_at__isnull=False).update(mail_due_at=again)
        if again is None and row.id in waiting:
            log.error("mail_given_up", row=row.public_id)


def again_at(created_at: datetime, now: datetime) -> datetime | None:
    """Return when a letter is tried again that waits since then; None when it is given up."""
    age = now - created_at  # waiting as long as it is old doubles the distance each time
    return now + min(max(age, SOONEST_RETRY), LATEST_RETRY) if age < GIVE_UP else None
