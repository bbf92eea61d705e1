"""Lanes that messages named: one customer's after the other's, and so many at most.

What lives here: the order, and who gives way when there are too many: whoever has most. It must not know the database.
"""

from __future__ import annotations

from uuid import UUID


class Hints:
    """Named lanes with how often each was tried, by customer."""

    def __init__(self, limit: int) -> None:
        self._limit, self._count = limit, 0
        self._of: dict[int, dict[UUID, int]] = {}  # by the id's number: UUID hashes itself in Python; who is next first

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, customer_id: UUID, endpoint_id: UUID, *, tries: int = 0) -> bool:
        """Add a lane; returns whether there was room for it without forgetting another one, or itself."""
        lanes = self._of.setdefault(customer_id.int, {})
        if (known := lanes.get(endpoint_id)) is not None:
            lanes[endpoint_id] = max(tries, known)
            return True
        lanes[endpoint_id] = tries
        self._count += 1
        if self._count > self._limit:
            self._forget(max(self._of, key=lambda number: len(self._of[number])))
            return False
        return True

    def pop(self) -> tuple[UUID, UUID, int]:
        """Take out the next lane: customer, endpoint, tries. The customer goes to the end of the row."""
        number = next(iter(self._of))
        lanes = self._of.pop(number)
        endpoint_id = next(iter(lanes))
        tries = lanes.pop(endpoint_id)
        self._count -= 1
        if lanes:
            self._of[number] = lanes
        return UUID(int=number), endpoint_id, tries

    def _forget(self, number: int) -> None:
        """Forget the newest lane of a customer."""
        self._of[number].popitem()
        self._count -= 1
        if not self._of[number]:
            del self._of[number]
