"""Letters, handed over to the mail server one after the other.

What lives here: one connection for many letters, what the server's refusals mean, and an end when it hangs. It must not
know what a letter says or whom it is about.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum, auto
from typing import Protocol, TypeVar

import structlog
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from deliveries.metrics import names

log = structlog.get_logger(__name__)

RUN_SECONDS = 120.0
CLAIM_AGAIN = timedelta(minutes=15)  # who sends letters claims them for longer than a run and one that hangs
FAILURES_IN_A_ROW = 2  # then it is no single letter's fault
FOR_GOOD = 500  # the least reply code that says: never (RFC 5321 4.2.1)
HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class Written(Protocol):
    """A mail to one address."""

    @property
    def to(self) -> str:
        """The address."""
        ...

    @property
    def subject(self) -> str:
        """One line."""
        ...

    @property
    def body(self) -> str:
        """Plain text."""
        ...

    @property
    def html(self) -> str:
        """The same as HTML."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What it has beside those of every letter."""
        ...


LetterType = TypeVar("LetterType", bound=Written)


class MailResult(Enum):
    """What handing a letter over came to."""

    SENT = auto()
    LATER = auto()
    REFUSED = auto()


def send_letters(letters: Sequence[LetterType]) -> tuple[list[LetterType], list[LetterType]]:
    """Hand letters over until the server fails or the time is over; returns those that went out, and those left.

    Some servers hang up at an address that they do not like: the letters behind it go over a new connection.
    """
    came_to: dict[int, MailResult] = {}
    give_up_at = time.monotonic() + RUN_SECONDS
    server, failures = get_connection(), 0
    try:
        for place, letter in enumerate(letters):
            if time.monotonic() > give_up_at or failures == FAILURES_IN_A_ROW:
                break
            server.open()
            try:
                came_to[place] = _hand_over(letter, server)
                failures = 0
            except (OSError, smtplib.SMTPException) as error:
                failures += 1
                _note_failure(error, letters=len(letters))
            if failures or _has_hung_up(server):
                _close(server)
    except (OSError, smtplib.SMTPException) as error:
        _note_failure(error, letters=len(letters))
    finally:
        _close(server)
    sent = [letter for place, letter in enumerate(letters) if came_to.get(place) is MailResult.SENT]
    left = [each for place, each in enumerate(letters) if came_to.get(place, MailResult.LATER) is MailResult.LATER]
    return sent, left


def _hand_over(letter: Written, server: BaseEmailBackend) -> MailResult:
    """Send one letter, or say that it is refused for now or for good; that the server fails is raised."""
    headers = {**HEADERS, **letter.headers}
    message = EmailMultiAlternatives(letter.subject, letter.body, to=[letter.to], headers=headers, connection=server)
    message.attach_alternative(letter.html, "text/html")
    try:
        message.send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        log.warning("mail_refused", **_told(error))
        if not isinstance(error, smtplib.SMTPRecipientsRefused):  # of one address alone it is no fault of the server
            names.MAIL_FAILURES.add()
        is_final = _code_of(error) >= FOR_GOOD and not isinstance(error, smtplib.SMTPSenderRefused)
        return MailResult.REFUSED if is_final else MailResult.LATER
    except ValueError as error:  # a header that Django will not send, an address that cannot be written
        log.warning("mail_refused", error=type(error).__name__)
        return MailResult.REFUSED
    return MailResult.SENT


def _has_hung_up(server: BaseEmailBackend) -> bool:
    """Say whether the server ended the connection with its answer, as with a 421 (RFC 5321 3.8)."""
    connection = getattr(server, "connection", None)
    return isinstance(connection, smtplib.SMTP) and connection.sock is None


def _note_failure(error: Exception, *, letters: int) -> None:
    names.MAIL_FAILURES.add()
    log.warning("mail_failed", **_told(error), letters=letters)


def _close(server: BaseEmailBackend) -> None:
    try:
        server.close()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail_failed", **_told(error))


def _code_of(error: smtplib.SMTPException) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=500)
    return int(getattr(error, "smtp_code", 500))


def _told(error: Exception) -> dict[str, object]:
    code = _code_of(error) if isinstance(error, smtplib.SMTPException) else 0
    return {"error": type(error).__name__, "code": code}
