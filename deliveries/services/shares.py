"""How many requests of one customer a web process works on at once: its threads and connections are everybody's.

What lives here: the count of each customer under way, a short wait for a place, and the refusal beyond it. It must not
know requests. Service keys and staff are the operator's, and are not counted. A refusal costs next to nothing, so that
whoever sends without end holds its own share and no more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from deliveries.errors import TooManyAtOnce
from deliveries.protocol import ids
from deliveries.services.limits import LIMITS

WAIT_SECONDS = 2.0
WAITING_FACTOR = 3  # for each request at work so many may wait: together they hold half of a process's threads


@dataclass(slots=True)
class _Customer:
    """What one customer has at work and waiting; `freed` tells those that wait."""

    freed: threading.Condition
    working: int = 0
    waiting: int = 0


class Shares:
    """The requests of one kind in this process, by customer; `limit` names how many of them work at once."""

    def __init__(self, limit: str) -> None:
        self._limit = limit
        self._customers: dict[UUID, _Customer] = {}
        self._lock = threading.Lock()

    @contextmanager
    def place(self, customer_id: UUID | None) -> Iterator[None]:
        """Work inside, after a short wait if need be; raises TooManyAtOnce when no place becomes free."""
        if customer_id is None:
            yield
            return
        self._take(customer_id)
        try:
            yield
        finally:
            self._give_back(customer_id)

    def under_way(self) -> int:
        """Return how many customers have a request here."""
        return len(self._customers)

    def _take(self, customer_id: UUID) -> None:
        figure = LIMITS[self._limit].figure(None)
        with self._lock:
            mine = self._customers.setdefault(customer_id, _Customer(threading.Condition(self._lock)))
            if mine.working >= figure and not self._is_free_after_wait(mine, figure):
                raise self._refusal(customer_id, figure)
            mine.working += 1

    def _is_free_after_wait(self, mine: _Customer, figure: int) -> bool:
        if mine.waiting >= WAITING_FACTOR * figure:
            return False
        mine.waiting += 1
        try:
            return mine.freed.wait_for(lambda: mine.working < figure, timeout=WAIT_SECONDS)
        finally:
            mine.waiting -= 1

    def _refusal(self, customer_id: UUID, figure: int) -> TooManyAtOnce:
        return TooManyAtOnce(
            f"{figure} requests of this customer are at work in this process; send fewer at a time",
            limit=self._limit,
            figure=figure,
            owner=ids.encode_id(ids.CUSTOMER, customer_id),
        )

    def _give_back(self, customer_id: UUID) -> None:
        with self._lock:
            mine = self._customers[customer_id]
            mine.working -= 1
            mine.freed.notify()
            if not mine.working and not mine.waiting:
                del self._customers[customer_id]


posted_events = Shares("events_at_once")
requests_and_pages = Shares("requests_at_once")
