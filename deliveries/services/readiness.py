"""Whether the database can be worked with: it answers at once, takes writes, and has a partition for today.

What lives here: one word for what is wrong. It must not know who asks, nor say more than the word: hosts and users
are in the log.
"""

from __future__ import annotations

import time

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, connection

from deliveries.database.failures import first_line, is_disk_full, is_full
from deliveries.database.limits import answered_within
from deliveries.services.retention import TABLES

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 2.0
OK = "ok"
IS_USABLE = """
SELECT
    current_setting('transaction_read_only')::bool,
    (SELECT bool_and(to_regclass(name || to_char(now() AT TIME ZONE 'UTC', '"_p"YYYYMMDD')) IS NOT NULL)
     FROM unnest(%s::text[]) AS name)
"""

FULL_SECONDS = 10.0

_told = {"word": OK}
_full = {"until": 0.0}


def note_refusal(error: BaseException) -> None:
    """Remember for a moment that the disk was full: an answer to a question, as readiness asks them, needs no room."""
    if is_disk_full(error):
        _full["until"] = time.monotonic() + FULL_SECONDS


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
    if time.monotonic() < _full["until"]:
        return "disk full", ""
    return (OK, "") if has_today else ("no partition for today", "")


def word_of(error: BaseException) -> str:
    """Return the word for an error of the database."""
    text = str(error)
    if isinstance(error.__cause__, psycopg.errors.ConnectionTimeout) or "has not answered" in text:
        return "does not answer"
    return "no connection left" if is_full(error) else "unreachable"
