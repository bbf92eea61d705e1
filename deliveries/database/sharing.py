"""Connections lent to threads that serve requests or messages, for as long as one lasts.

What lives here: who has a connection, which ones wait to be lent again, and closing those that nobody needs. A thread
that says nothing here (the committing one, an engine, the dispatcher, a command) keeps its own as Django has it.
It must not know what is asked.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.pq import TransactionStatus

from deliveries.database.connection import LimitedConnection
from deliveries.database.limits import is_urgent, seconds_left

LIMIT = 8  # of a process; more threads than that are seldom inside the database at the same moment
WAIT_SECONDS = 5.0
STUCK_SECONDS = 2.0  # when all are lent and none has moved for so long, there is no use in waiting for one
IDLE_SECONDS = 20.0
LOOK_SECONDS = 0.25

Database = tuple[object, ...]  # what distinguishes databases from each other
Connect = Callable[[], LimitedConnection]


class Sharing:
    """The shared connections of one process."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._changed = threading.Condition()
        self._idle: list[tuple[float, LimitedConnection]] = []  # the one used last stands last
        self._lent: set[LimitedConnection] = set()
        self._promised = 0  # places of those who are connecting
        self._moved_at = time.monotonic()
        self._sweeper: threading.Thread | None = None

    def take(self, connect: Connect, *, database: Database) -> LimitedConnection:
        """Return a connection to the database that waits, or a new one; OperationalError when none comes in time."""
        with self._changed:
            self._wait_for_place()
            found = self._sound_one(database)
            if found is not None:
                self._lent.add(found)
                _mine.has_borrowed = True
                return found
            self._promised += 1
        made = None
        try:
            made = connect()
            made.database = database
        finally:
            with self._changed:
                self._promised -= 1
                if made is not None:
                    self._lent.add(made)
                self._changed.notify()
        _mine.has_borrowed = True
        return made

    def give_back(self, connection: LimitedConnection, *, is_sound: bool) -> bool:
        """Take a connection back; false when it was not lent here, or must be closed by whoever had it."""
        with self._changed:
            if connection not in self._lent:
                return False
            self._lent.discard(connection)
            self._moved_at = time.monotonic()
            self._changed.notify()
            if not is_sound or connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
                return False
            self._idle.append((self._moved_at, connection))
            self._start_sweeper()
        return True

    def close_idle(self, *, for_seconds: float = 0.0) -> int:
        """Close what nobody has used for so long; returns how many."""
        with self._changed:
            oldest = time.monotonic() - for_seconds
            closing = [each for at, each in self._idle if at <= oldest]
            self._idle = [(at, each) for at, each in self._idle if at > oldest]
        for each in closing:
            each.close()
        return len(closing)

    def _wait_for_place(self) -> None:
        if is_urgent():
            return
        give_up = time.monotonic() + min(WAIT_SECONDS, seconds_left())
        while len(self._lent) + self._promised >= self.limit:
            now = time.monotonic()
            if now >= give_up or now - self._moved_at > STUCK_SECONDS:
                raise psycopg.OperationalError(
                    f"all {self.limit} connections of this process are in use, and none came back for "
                    f"{now - self._moved_at:.1f} s"
                )
            self._changed.wait(LOOK_SECONDS)
        self._moved_at = time.monotonic()

    def _sound_one(self, database: Database) -> LimitedConnection | None:
        while self._idle:
            _, found = self._idle.pop()
            if found.database == database and not has_news(found):
                return found
            found.close()
        return None

    def _start_sweeper(self) -> None:
        if self._sweeper is None or not self._sweeper.is_alive():
            self._sweeper = threading.Thread(target=self._sweep, name="idle-connections", daemon=True)
            self._sweeper.start()

    def _sweep(self) -> None:
        while True:
            time.sleep(IDLE_SECONDS / 4)
            self.close_idle(for_seconds=IDLE_SECONDS)


class _Mine(threading.local):
    shares = False
    has_borrowed = False  # may be true of one that was given back since, never the other way round


_mine = _Mine()
shared = Sharing()


def share_connections() -> None:
    """Let this thread borrow its connections from now on: it serves one request or message after the other."""
    _mine.shares = True


def is_sharing() -> bool:
    """Say whether this thread borrows its connections."""
    return _mine.shares


def set_sharing(*, wanted: bool) -> bool:
    """Let this thread borrow its connections from now on, or not; returns whether it did."""
    before, _mine.shares = _mine.shares, wanted
    return before


def give_back_borrowed() -> None:
    """Give back what this thread borrowed: Django's `close_old_connections`, for the one database that there is."""
    if _mine.shares and _mine.has_borrowed:
        here = connections[DEFAULT_DB_ALIAS]
        here.close_if_unusable_or_obsolete()
        _mine.has_borrowed = here.connection is not None


def has_news(connection: LimitedConnection) -> bool:
    """Say whether something came while nobody asked: as a rule that the server has closed the connection."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))
