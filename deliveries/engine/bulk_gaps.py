"""Room for what is new of others: what is sent again leaves an engine free for a while after each of its steps.

What lives here: when such a delivery may be started. Beside live deliveries of other customers, and a moment after
them, it waits for longer than the last step took that started any: who comes finds a free engine, database and core.
Who has the engine alone waits for nothing. It must not know lanes.
"""

from __future__ import annotations

from uuid import UUID

from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.work import FIRST

_LONG_AGO = float("-inf")


class BulkGaps:
    """The gaps of one engine; moments are in seconds of its clock."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._last, self._last_at = 0, _LONG_AGO  # whose live delivery was started last, and when
        self._other_at = _LONG_AGO  # when one of anybody else was
        self._free_at = _LONG_AGO
        self._has_started = False

    def note(self, customer_id: UUID, rank: int, now: float) -> None:
        """Note what was started."""
        if rank > FIRST:
            self._has_started |= self._is_beside(customer_id.int, now)
        elif customer_id.int == self._last:
            self._last_at = now
        else:
            self._last, self._last_at, self._other_at = customer_id.int, now, self._last_at

    def wait_seconds(self, customer_id: UUID, rank: int, now: float) -> float:
        """Return in how many seconds one may be started; 0 for what is live, and where nobody else's is."""
        if rank <= FIRST or now >= self._free_at or not self._is_beside(customer_id.int, now):
            return 0.0
        return self._free_at - now

    def end_step(self, now: float, *, began: float) -> None:
        """Note the end of a step; what it waited is not part of the time since it began."""
        if self._has_started:
            gap = min(self._limits.bulk_gap * (now - began), self._limits.bulk_gap_at_most)
            self._free_at, self._has_started = now + gap, False

    def _is_beside(self, customer: int, now: float) -> bool:
        live_at = self._other_at if customer == self._last else self._last_at
        return now - live_at < self._limits.beside_seconds
