"""What an error of the database means: whether something may have been stored, and whether it only refuses to write.

What lives here: the reading of errors, Django's and psycopg's. It must not know what was tried.
"""

from __future__ import annotations

import psycopg
from django.db import DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError

NEVER_SENT = "never_sent"
ANSWERS = (DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError)
NOBODYS_FAULT = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
# A refused connection has no code, only words, in the language of the server's lc_messages (or of a pooler).
FULL = (
    *("too many", "connection slots", "no more connections"),
    *("zu viele Verbindungen", "verbleibenden Verbindungen", "verbleibenden Verbindungsslots"),
    *("demasiados clientes", "demasiadas conexiones", "conexiones restantes"),
    *("trop de clients", "trop de connexions", "connexions restants"),
    *("troppi client", "troppe connessioni", "slot di connessione"),
    *("clientes demais", "muitas conexões", "conexões restantes", "zbyt wielu klientów", "zbyt wiele połączeń"),
    *("слишком много", "слоты подключений", "забагато", "слоти підключень"),
    *("för många", "anslutningsslottar", "çok fazla", "მეტისმეტად ბევრი", "ძალიან ბევრი"),
    *("多すぎます", "接続スロット", "접속수를 초과", "접속자 수를 초과", "남은 연결 슬롯", "太多", "连接位置"),
)
# The connection was ended, perhaps after the commit: by the operator, or as PgBouncer says of a server that crashed.
ENDED = ("57P", "08")


def is_surely_undone(error: BaseException) -> bool:
    """Say whether the database answered that it refuses, or was never asked; else it may have committed."""
    if isinstance(error, ANSWERS):
        return True
    cause = _cause_of(error)
    state: str | None = getattr(cause, "sqlstate", None)
    return getattr(cause, NEVER_SENT, False) or (state is not None and not state.startswith(ENDED))


def is_read_only(error: BaseException) -> bool:
    """Say whether the database is there and takes no writes: a standby, or one that was set so."""
    cause = _cause_of(error)
    if isinstance(cause, psycopg.errors.FeatureNotSupported):
        # A standby has no unlogged tables: what they hold cannot even be read there. The words are in any language.
        return cause.diag.source_function == "get_relation_info"
    return isinstance(cause, psycopg.errors.ReadOnlySqlTransaction)


def is_disk_full(error: BaseException) -> bool:
    """Say whether there was no room left for what was to be written."""
    return isinstance(_cause_of(error), psycopg.errors.DiskFull)


def is_locked(error: BaseException) -> bool:
    """Say whether another session had locked a table or a row that was needed, for longer than we wait."""
    return isinstance(_cause_of(error), psycopg.errors.LockNotAvailable)


def is_clash(error: BaseException) -> bool:
    """Say whether others changed the same rows at the same moment, so that trying again helps."""
    return isinstance(_cause_of(error), psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)


def is_outrun(error: BaseException) -> bool:
    """Say whether others made the same, or deleted what it belongs to, in the moment before it was written."""
    return isinstance(_cause_of(error), psycopg.errors.ForeignKeyViolation | psycopg.errors.UniqueViolation)


def takes_no_writes(error: BaseException) -> bool:
    """Say whether reading may go on all the same: the database is read-only, its disk full, or a table locked."""
    return is_read_only(error) or is_disk_full(error) or is_locked(error)


def is_full(error: BaseException) -> bool:
    """Say whether no connection was left."""
    if isinstance(_cause_of(error), psycopg.errors.TooManyConnections):
        return True
    text = str(error)
    return any(words in text for words in FULL)


def lacks_partition(error: BaseException) -> bool:
    """Say whether a row belongs to a day that has no partition: a check that has no name, in any language."""
    cause = _cause_of(error)
    return isinstance(cause, psycopg.errors.CheckViolation) and not cause.diag.constraint_name


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
    """Return what an error says, without what a log line has no room for."""
    return str(error).strip().partition("\n")[0]


def _cause_of(error: BaseException) -> object:
    return error if isinstance(error, psycopg.Error) else error.__cause__
