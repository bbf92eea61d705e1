"""Waiting for a database that is away, refuses to write or is full.

What lives here: trying again for as long as it takes. It must not know what is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError, connection

from deliveries.database.failures import first_line

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

PAUSE_SECONDS = 0.25
WRONG_STATEMENT = (DataError, IntegrityError, ProgrammingError)  # the statement is wrong: trying again would not help


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
