"""One connection for whichever thread works at the moment, handed from one to the next.

What lives here: a connection of Django's that belongs to a piece of work instead of a thread, so that its statements
stay prepared and a process has one. It must not know the work, nor see to it that one thread works at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from deliveries.database.sharing import keeping_own


class HandedConnection:
    """A connection to the default database; made when it is first used."""

    def __init__(self) -> None:
        self._made: BaseDatabaseWrapper | None = None

    @contextmanager
    def here(self) -> Iterator[None]:
        """Inside, `django.db.connection` of this thread is this one; nobody else may be inside meanwhile."""
        if self._made is None:
            self._made = connections.create_connection(DEFAULT_DB_ALIAS)
            self._made.inc_thread_sharing()
        own = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self._made
        try:
            with keeping_own():
                yield
        finally:
            connections[DEFAULT_DB_ALIAS] = own
