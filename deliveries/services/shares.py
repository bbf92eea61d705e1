"""How many requests of one customer a web process works on at once: its threads and connections are everybody's.

What lives here: the count of each customer under way, and the refusal beyond its share. It must not know requests.
Service keys and staff are the operator's, and are not counted. A refusal costs next to nothing, so that whoever sends
without end holds its own share and no more.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from deliveries.errors import TooManyAtOnce
from deliveries.protocol import ids
from deliveries.services.limits import LIMITS


class Shares:
    """The requests of one kind that are under way in this process, by customer; `limit` names the figure."""

    def __init__(self, limit: str) -> None:
        self._limit = limit
        self._under_way: Counter[UUID] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, customer_id: UUID | None) -> Iterator[None]:
        """Work inside; raises TooManyAtOnce when the customer has its share under way already."""
        if customer_id is None:
            yield
            return
        self._take(customer_id)
        try:
            yield
        finally:
            self._give_back(customer_id)

    def _take(self, customer_id: UUID) -> None:
        figure = LIMITS[self._limit].figure(None)
        with self._lock:
            if self._under_way[customer_id] >= figure:
                raise TooManyAtOnce(
                    f"{figure} requests of this customer are under way in this process; send fewer at a time",
                    limit=self._limit,
                    figure=figure,
                    owner=ids.encode_id(ids.CUSTOMER, customer_id),
                )
            self._under_way[customer_id] += 1

    def _give_back(self, customer_id: UUID) -> None:
        with self._lock:
            self._under_way[customer_id] -= 1
            if not self._under_way[customer_id]:
                del self._under_way[customer_id]


posted_events = Shares("events_at_once")
requests_and_pages = Shares("requests_at_once")
