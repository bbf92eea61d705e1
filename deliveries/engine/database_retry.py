"""Waiting for a database that is away, refuses to write or is full.

What lives here: trying again for as long as it takes, and how often the same trouble is told. It must not know what
is tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import structlog
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError, connection

from deliveries.database.failures import first_line

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0  # between tries of what the database refuses, which hardly mends itself
COMPLAIN_EVERY_SECONDS = 60.0
WRONG_STATEMENT = (DataError, IntegrityError, ProgrammingError)  # the statement is wrong: trying again would not help


class Retry(Protocol):
    """Does something with the database until the database lets it."""

    def __call__(self, act: Callable[[], Result], /) -> Result:
        """Return what `act` returns."""
        ...


def retry_on_database_error(
    act: Callable[[], Result], *, meanwhile: Callable[[float], None], give_up: Callable[[], bool]
) -> Result:
    """Return what `act` returns as soon as the database lets it; between two tries `meanwhile` is given its seconds.

    Raises what the database said last once `give_up` says so, and at once what trying again cannot mend.
    """
    tries = 0
    while True:
        try:
            result = act()
        except WRONG_STATEMENT:
            raise
        except (DatabaseError, InterfaceError) as error:
            tries += 1
            if tries == 1:
                log.warning("database_away", error=first_line(error))
            connection.close()
            if give_up():
                raise
            meanwhile(PAUSE_SECONDS)
        else:
            if tries:
                log.warning("database_back", tries=tries)
            return result


class Refusals:
    """What fails again and again: told once a minute, and tried again after longer and longer pauses."""

    def __init__(self) -> None:
        self.count = 0
        self._told, self._told_at = "", 0.0

    def note(self, event: str, error: BaseException) -> float:
        """Log an error with its traceback, unless it was lately; returns how many seconds to wait now."""
        self.count += 1
        said, now = f"{type(error).__name__}: {first_line(error)}", time.monotonic()
        if said != self._told or now - self._told_at >= COMPLAIN_EVERY_SECONDS:
            self._told, self._told_at = said, now
            log.error(event, error=said, exc_info=error)
        return min(PAUSE_SECONDS * 2.0 ** min(self.count - 1, 10), LONGEST_PAUSE_SECONDS)

    def insist(
        self, act: Callable[[], Result], *, event: str, meanwhile: Callable[[float], None], give_up: Callable[[], bool]
    ) -> Result:
        """Return what `act` returns once the database takes it: for want of a right, a column or a partition it may
        refuse what is no wrong statement, until somebody mends that. Raises the refusal once `give_up` says so.
        """
        while True:
            try:
                result = act()
            except WRONG_STATEMENT as error:
                seconds = self.note(event, error)
                if give_up():
                    raise
                connection.close()
                meanwhile(seconds)
            else:
                self.forget()
                return result

    def forget(self) -> None:
        """Note that all is well again."""
        self.count, self._told = 0, ""
