"""Whether the database can be worked with: it answers at once, takes writes, and has a partition for today.

What lives here: one word for what is wrong. It must not know who asks, nor say more than the word: hosts and users
are in the log.
"""

from __future__ import annotations

import time

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, connection

from deliveries.database.failures import first_line, is_disk_full, is_full, is_locked
from deliveries.database.limits import answered_within
from deliveries.services.housekeeping.retention import TABLES

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 2.0
OK = "ok"
IS_USABLE = """
SELECT
    current_setting('transaction_read_only')::bool,
    (SELECT bool_and(to_regclass(name || to_char(now() AT TIME ZONE 'UTC', '"_p"YYYYMMDD')) IS NOT NULL)
     FROM unnest(%s::text[]) AS name)
"""

REFUSED_SECONDS = 10.0

_told = {"word": OK}
_refused = {"disk full": 0.0, "locked": 0.0}  # until when


def note_refusal(error: BaseException) -> None:
    """Remember for a moment why nothing could be written: what readiness asks needs no room and waits for no lock."""
    for word, is_so in (("disk full", is_disk_full), ("locked", is_locked)):
        if is_so(error):
            _refused[word] = time.monotonic() + REFUSED_SECONDS


def database_word() -> str:
    """Return `ok`, or what is wrong with the database: an answer comes within two seconds or so."""
    word, reason = _asked()
    if word != _told["word"]:
        _told["word"] = word
        log.warning("database_state", state=word, reason=reason)
    return word


def _asked() -> tuple[str, str]:
    try:
        with answered_within(ANSWER_SECONDS, urgent=True), connection.cursor() as cursor:
            cursor.execute(IS_USABLE, [list(TABLES)])
            is_read_only, has_today = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        return word_of(error), first_line(error)
    if is_read_only:
        return "read-only", ""
    now = time.monotonic()
    for word, until in _refused.items():
        if now < until:
            return word, ""
    return (OK, "") if has_today else ("no partition for today", "")


def word_of(error: BaseException) -> str:
    """Return the word for an error of the database."""
    text = str(error)
    if isinstance(error.__cause__, psycopg.errors.ConnectionTimeout) or "has not answered" in text:
        return "does not answer"
    return "no connection left" if is_full(error) else "unreachable"
