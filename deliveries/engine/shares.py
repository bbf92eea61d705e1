"""What customers share: each may have as much as is free after it. No table of shares, no knowledge of who comes next.

What lives here: the counting. One customer alone gets half of all, two a third each, a hundred get what they need as
long as it lasts, and whoever comes new always finds something free. Source: dynamic thresholds, A. Choudhury and
E. Hahne, "Dynamic queue length thresholds in a shared memory switch", 1998.
"""

from __future__ import annotations

from collections import defaultdict
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
