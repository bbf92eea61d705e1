"""How much of a web process's processor time one customer gets while others want some too.

What lives here: a budget of seconds for each customer, filled at a steady rate and drawn by what its requests cost.
A count of requests at once says nothing of how dear each is: a page costs as much as a hundred small events. It must
not know requests, nor how time is measured. Who has the process for itself is not held up.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from deliveries.protocol.writing.remembered import remember

SAVED_SECONDS = 0.25  # so much may be used at once after a quiet time
DEBT_SECONDS = 0.25  # more is forgiven: a request that was dearer than all expected closes nothing for long
ALONE_SECONDS = 1.0
REMEMBERED = 10_000
LEARNING = 0.2  # weight of the newest request in what the next one is expected to cost


class Callers:
    """Who came last; moments are those of a monotonic clock."""

    def __init__(self) -> None:
        self._last: Hashable = None
        self._changed_at = float("-inf")

    def note(self, caller: Hashable, now: float) -> None:
        """Remember who was served; the operator is None."""
        if caller != self._last:
            self._last, self._changed_at = caller, now

    def is_one(self, now: float) -> bool:
        """Say whether whoever came last has been the only one for a while."""
        return now - self._changed_at > ALONE_SECONDS


@dataclass(slots=True)
class _Budget:
    seconds: float
    at: float
    expected: float = 0.0


class Budgets:
    """The budgets of one process; moments are those of a monotonic clock, `share` is a part of its time."""

    def __init__(self) -> None:
        self._budgets: dict[Hashable, _Budget] = {}
        self._lock = threading.Lock()
        self._callers = Callers()
        self.note = self._callers.note  # so that it is known who has the process for itself

    def pause(self, customer: Hashable, now: float, *, share: float) -> float:
        """Return for how many seconds the customer's next request should wait; nothing when its budget has some."""
        if share >= 1 or self._callers.is_one(now):
            return 0.0
        with self._lock:
            budget = self._filled(customer, now, share)
            return 0.0 if budget.seconds > 0 else (0.001 - budget.seconds) / share

    def begin(self, customer: Hashable, now: float, *, share: float) -> float:
        """Draw what a request is expected to cost, and return that; `end` corrects it."""
        with self._lock:
            budget = self._filled(customer, now, share)
            budget.seconds -= budget.expected
            return budget.expected

    def end(self, customer: Hashable, now: float, *, share: float, drawn: float, cost: float) -> None:
        """Draw what the request did cost in place of what was expected."""
        with self._lock:
            budget = self._filled(customer, now, share)
            budget.expected += LEARNING * (cost - budget.expected)
            budget.seconds = max(-DEBT_SECONDS, budget.seconds + drawn - cost)

    def draw(self, customer: Hashable, now: float, *, share: float, cost: float) -> None:
        """Draw what was done for a customer besides its requests."""
        with self._lock:
            budget = self._filled(customer, now, share)
            budget.seconds = max(-DEBT_SECONDS, budget.seconds - cost)

    def _filled(self, customer: Hashable, now: float, share: float) -> _Budget:
        budget = self._budgets.get(customer)
        if budget is None:
            budget = _Budget(SAVED_SECONDS, now)
            remember(self._budgets, customer, budget, limit=REMEMBERED)
        budget.seconds = min(SAVED_SECONDS, budget.seconds + max(0.0, now - budget.at) * share)
        budget.at = now
        return budget
