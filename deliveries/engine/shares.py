"""What customers share: each may have as much as is free after it. No table of shares, no knowledge of who comes next.

What lives here: the counting. One customer alone gets half of all, two a third each, a hundred get what they need as
long as it lasts, and whoever comes new always finds something free. Source: dynamic thresholds, A. Choudhury and
E. Hahne, "Dynamic queue length thresholds in a shared memory switch", 1998.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID


class Shares:
    """How much of one good each customer has, out of `total`."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self._of: defaultdict[int, int] = defaultdict(int)  # by the id's number: UUID hashes itself in Python

    def of(self, customer_id: UUID) -> int:
        """Return how much a customer has."""
        return self._of.get(customer_id.int, 0)

    def may_take(self, customer_id: UUID, amount: int = 1) -> bool:
        """Say whether a customer may have so much more; the first of a customer always may while anything is free."""
        free = self.total - self.taken
        taken = self._of.get(customer_id.int, 0)
        return taken + amount <= free or (taken == 0 and free > 0)

    def has_little(self, customer_id: UUID) -> bool:
        """Say whether a customer has so little of what it may have that much more can be taken for it at once."""
        free = self.total - self.taken
        return 4 * self._of.get(customer_id.int, 0) <= free and free > 0

    def rooms(self, customers: Sequence[int]) -> list[int]:
        """Return how much each of many takers may have more, who are named by the numbers of their customers' ids.

        So much that, if all take it, as much is free as any of these customers then has; at least one.
        """
        free, many = self.total - self.taken, len(customers)
        all_of_them = free // (2 * many)
        rooms = {}
        for number, takers in Counter(customers).items():
            left_by_others = free * (many + takers) // (2 * many)  # if these take as much as all may
            of_this = (left_by_others - self._of.get(number, 0)) // (2 * takers)
            rooms[number] = max(1, min(all_of_them, of_this))
        return [rooms[number] for number in customers]

    def take(self, customer_id: UUID, amount: int = 1) -> None:
        """Note that a customer has more."""
        self.taken += amount
        self._of[customer_id.int] += amount

    def give_back(self, customer_id: UUID, amount: int = 1) -> None:
        """Note that a customer has less."""
        self.taken -= amount
        key = customer_id.int
        left = self._of[key] - amount
        if left:
            self._of[key] = left
        else:
            del self._of[key]

    def clear(self) -> None:
        """Forget what everybody has."""
        self.taken = 0
        self._of.clear()
