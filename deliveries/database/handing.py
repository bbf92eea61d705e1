"""One connection for whichever thread works at the moment, handed from one to the next.

What lives here: a connection of Django's that belongs to a piece of work instead of a thread, so that its statements
stay prepared and a process has one. It must not know the work, nor see to it that one thread works at a time.
"""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from deliveries.database.sharing import set_sharing


class HandedConnection:
    """A connection to the default database; made when it is first used."""

    def __init__(self) -> None:
        self._made: BaseDatabaseWrapper | None = None

    def here(self) -> _Here:
        """Inside, `django.db.connection` of this thread is this one; nobody else may be inside meanwhile."""
        if self._made is None:
            self._made = connections.create_connection(DEFAULT_DB_ALIAS)
            self._made.inc_thread_sharing()
        return _Here(self._made)


class _Here:
    """Inside, a thread works with a connection that it was handed, and borrows none."""

    __slots__ = ("_handed", "_own", "_shared")

    def __init__(self, handed: BaseDatabaseWrapper) -> None:
        self._handed = handed

    def __enter__(self) -> BaseDatabaseWrapper:
        self._own = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self._handed
        self._shared = set_sharing(wanted=False)
        return self._handed

    def __exit__(self, *raised: object) -> None:
        set_sharing(wanted=self._shared)
        connections[DEFAULT_DB_ALIAS] = self._own
