"""Polls that wait for something to be due: some of each customer, some in all, and one question for them together.

What lives here: who may wait, and a thread that looks for all of them a few times a second while somebody does. A wait
costs a thread of the web server's, so there are few; who finds no place is answered at once. Whoever waits holds no
connection to the database and no place of its customer's share. It must not know requests, nor what is taken.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from deliveries import sql
from deliveries.conf import conf
from deliveries.database.failures import first_line
from deliveries.database.sharing import is_sharing
from deliveries.metrics import names
from deliveries.services.common.limits import LIMITS
from deliveries.services.process import drain
from deliveries.sql.engine_rows import PollableEndpointsRow

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.2


class PollWaits:
    """The polls that wait in one process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[object, tuple[UUID, UUID]] = {}  # by who waits: endpoint and customer
        self._found: set[UUID] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def place(self, endpoint_id: UUID, customer_id: UUID) -> Iterator[object | None]:
        """Have a place to wait in, or None where there is none."""
        who = object()
        with self._changed:
            mine = [None for _, owner in self._waiting.values() if owner == customer_id]
            is_free = len(mine) < LIMITS["polls_waiting"].figure(None) and len(self._waiting) < in_all()
            if is_free:
                self._waiting[who] = endpoint_id, customer_id
                names.POLLS_WAITING.set(len(self._waiting))
                self._start()
        try:
            yield who if is_free else None
        finally:
            with self._changed:
                self._waiting.pop(who, None)
                names.POLLS_WAITING.set(len(self._waiting))

    def wait(self, endpoint_id: UUID, *, seconds: float) -> bool:
        """Wait until the endpoint has something due; returns whether it has, as far as is known."""
        if is_sharing():
            close_old_connections()  # who waits holds no connection to the database
        with self._changed:
            self._found.discard(endpoint_id)
            self._changed.wait_for(lambda: endpoint_id in self._found or drain.is_draining(), timeout=seconds)
            return endpoint_id in self._found

    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look_again_and_again, name="polls", daemon=True)
            self._thread.start()

    def _look_again_and_again(self) -> None:
        while True:
            with self._changed:
                wanted = {endpoint_id for endpoint_id, _ in self._waiting.values()}
                if not wanted:
                    self._thread = None
                    break
            found = _found_among(wanted)
            with self._changed:
                self._found = found
                self._changed.notify_all()
            time.sleep(LOOK_SECONDS)
        connection.close()


def in_all() -> int:
    """Return how many polls may wait in this process: a fourth of its threads."""
    return max(2, conf.web_threads // 4)


def _found_among(endpoint_ids: set[UUID]) -> set[UUID]:
    try:
        rows = sql.fetch(PollableEndpointsRow, {"endpoint_ids": sorted(endpoint_ids)})
    except (DatabaseError, InterfaceError) as error:
        log.warning("polls_without_database", error=first_line(error))
        connection.close()
        return set()
    return {row.endpoint_id for row in rows}


poll_waits = PollWaits()
