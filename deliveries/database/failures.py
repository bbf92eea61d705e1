"""What an error of the database means: whether something may have been stored, and whether it only refuses to write.

What lives here: the reading of errors, Django's and psycopg's. It must not know what was tried.
"""

from __future__ import annotations

import psycopg
from django.db import DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError

NEVER_SENT = "never_sent"
ANSWERS = (DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError)
NOBODYS_FAULT = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
FULL = ("too many", "connection slots", "no more connections")
ENDED_BY_OPERATOR = "57P"  # the connection was ended, perhaps after the commit


def is_surely_undone(error: BaseException) -> bool:
    """Say whether the database answered that it refuses, or was never asked; else it may have committed."""
    if isinstance(error, ANSWERS):
        return True
    cause = _cause_of(error)
    state: str | None = getattr(cause, "sqlstate", None)
    return getattr(cause, NEVER_SENT, False) or (state is not None and not state.startswith(ENDED_BY_OPERATOR))


def is_read_only(error: BaseException) -> bool:
    """Say whether the database is there and takes no writes: a standby, or one that was set so."""
    cause = _cause_of(error)
    # A standby has no unlogged tables: what they hold cannot even be read there.
    is_unlogged = isinstance(cause, psycopg.errors.FeatureNotSupported) and "during recovery" in str(cause)
    return is_unlogged or isinstance(cause, psycopg.errors.ReadOnlySqlTransaction)


def is_full(error: BaseException) -> bool:
    """Say whether no connection was left; a refused connection has no code, only words."""
    return any(words in str(error) for words in FULL)


def mark_never_sent(error: psycopg.Error) -> psycopg.Error:
    """Note that there was no connection over which anything could have been asked."""
    setattr(error, NEVER_SENT, True)
    return error


def kind_of(error: BaseException) -> str:
    """Return how the database failed: no connection, no answer in time, or an error in place of one."""
    if getattr(error, NEVER_SENT, False):
        return "connect"
    is_late = isinstance(error, psycopg.errors.QueryCanceled) or "has not answered" in str(error)
    return "timeout" if is_late else "statement"


def first_line(error: BaseException) -> str:
    """Return what the database said, without what a log line has no room for."""
    return str(error).strip().partition("\n")[0]


def _cause_of(error: BaseException) -> object:
    return error if isinstance(error, psycopg.Error) else error.__cause__
