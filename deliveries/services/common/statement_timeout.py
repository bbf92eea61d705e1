"""Time limits for queries that people and probes start.

What lives here: the limits, each set for one transaction. It must not know what is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled


class TooSlow(Exception):
    """The query was given up; a narrower one may be fast."""


_shared = threading.local()


@contextmanager
def together(*, seconds: float) -> Iterator[None]:
    """Let the blocks inside of this one share its transaction and its limit, which spares each its own; as TooSlow."""
    with at_most(seconds=seconds):
        _shared.is_so = True
        try:
            yield
        finally:
            _shared.is_so = False


@contextmanager
def at_most(*, seconds: float) -> Iterator[None]:
    """Let PostgreSQL give up each statement of the block after that time, as TooSlow."""
    if _are_shared():
        yield
        return
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(round(seconds * 1000))])
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise TooSlow from error


@contextmanager
def waiting_for_locks(*, seconds: float) -> Iterator[None]:
    """Let a statement of the block wait so long for what another session has locked; then comes OperationalError."""
    with nullcontext() if _are_shared() else transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(round(seconds * 1000))])
        yield


def _are_shared() -> bool:
    return getattr(_shared, "is_so", False)
