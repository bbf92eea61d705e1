"""Lanes that an engine found by looking: one customer's after the other's, and so many at most.

What lives here: the order, how much room a customer has, and when what was found is worth nothing any more. All by the
numbers of ids, because UUID hashes itself in Python. It must not know the database.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from uuid import UUID

from deliveries.engine.limits import Limits

MayTake = Callable[[UUID], bool]


class FoundLanes:
    """Found lanes by customer; who is served next comes first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._of: OrderedDict[int, tuple[UUID, deque[UUID]]] = OrderedDict()
        self._lanes: set[int] = set()
        self._handed_out: dict[int, int] = {}  # the lanes that were taken out last, and whose they are

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, customer_id: UUID, endpoint_id: UUID) -> bool:
        """Add a lane; returns whether there was room for it, which each customer has for some only."""
        number, lane, size = customer_id.int, endpoint_id.int, len(self._lanes)
        if lane in self._lanes or size >= self._limits.found:
            return False
        known = self._of.get(number)
        if known is None:
            known = self._of[number] = customer_id, deque()
        if len(known[1]) >= max(self._limits.lanes_a_take, self._limits.found - size) // 2:
            return False
        known[1].append(endpoint_id)
        self._lanes.add(lane)
        return True

    def pop(self, count: int, may_take: MayTake) -> list[UUID]:
        """Take out up to so many lanes, one of each customer in turn; who may have no more is passed over."""
        taken: list[UUID] = []
        self._handed_out, passed_over = {}, 0
        while len(taken) < count and passed_over < len(self._of):
            number, (customer_id, lanes) = next(iter(self._of.items()))
            self._of.move_to_end(number)
            if not lanes:
                del self._of[number]
            elif may_take(customer_id):
                passed_over = 0
                taken.append(self._pop(number, lanes))
            else:
                passed_over += 1
        return taken

    def _pop(self, number: int, lanes: deque[UUID]) -> UUID:
        endpoint_id = lanes.popleft()
        self._handed_out[endpoint_id.int] = number
        self._lanes.discard(endpoint_id.int)
        return endpoint_id

    def customer_of(self, endpoint_id: UUID) -> int | None:
        """Return whose lane it is, by the number of the id, if it was among those that were taken out last."""
        return self._handed_out.get(endpoint_id.int)

    def forget_stale(self, leased: Iterable[UUID], *, of: Iterable[UUID]) -> bool:
        """Forget what else there is of a customer of whose lanes most could not be leased; returns whether of any."""
        asked = Counter(self._handed_out.get(each.int) for each in of)
        had = Counter(self._handed_out.get(each.int) for each in leased)
        stale = [n for n, number in asked.items() if n is not None and 2 * had[n] < number and n in self._of]
        for number in stale:
            _, lanes = self._of.pop(number)
            self._lanes.difference_update(each.int for each in lanes)
        return bool(stale)
