"""The lanes that an engine is to lease next: those that messages named, those that it found itself, and those to come.

What lives here: the order, customers in rotation, and the bounds: what does not fit is forgotten, because PostgreSQL
knows it and whoever looks finds it again. It must not know the database.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from uuid import UUID

from deliveries.engine.found_lanes import FoundLanes, MayTake
from deliveries.engine.hints import Hints
from deliveries.engine.limits import LIMITS, Limits

ZERO = UUID(int=0)


class Agenda:
    """Lanes to lease. `may_take` says whether a customer may have more; one that may not is passed over."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._hints = Hints(limits.hints)
        self._found = FoundLanes(limits)
        self._later: list[tuple[float, UUID, int]] = []
        self._later_at: dict[UUID, float] = {}  # the earliest moment of each
        self._customer_of: dict[int, UUID] = {}  # by the id's number: UUID hashes itself in Python
        self._tried: dict[UUID, int] = {}  # the hints that were handed out last
        self.look = True  # there may be more in the database than is known here

    def __bool__(self) -> bool:
        return bool(self._hints or self._found)

    @property
    def named_last(self) -> bool:
        """Say whether the lanes that were handed out last were named ones."""
        return bool(self._tried)

    @property
    def has_hints(self) -> bool:
        """Say whether messages named lanes that are not handed out yet."""
        return bool(self._hints)

    @property
    def has_room(self) -> bool:
        """Say whether looking for more makes sense."""
        return len(self._found) < self._limits.found // 2

    @property
    def is_low(self) -> bool:
        """Say whether the lanes that were found are soon leased; the sooner it looks, the sooner it finds others."""
        return len(self._found) < 2 * self._limits.lanes_a_take

    @property
    def next_at(self) -> float:
        """When the next of the lanes to come is due."""
        return self._later[0][0] if self._later else float("inf")

    def hint(self, endpoint_ids: Iterable[UUID]) -> None:
        """Add lanes that a message named; none at all says that there is more than a message can name."""
        named = False
        for endpoint_id in endpoint_ids:
            named = True
            self._hint(endpoint_id)
        self.look |= not named

    def _hint(self, endpoint_id: UUID, *, tries: int = 0) -> None:
        """Add a lane to its customer's; those whose customer is not known yet share a place."""
        if not self._hints.add(self._customer_of.get(endpoint_id.int, ZERO), endpoint_id, tries=tries):
            self.look = True

    def find(self, customer_id: UUID, endpoint_id: UUID) -> bool:
        """Add a lane that was found; returns whether there was room for it, which each customer has for some only."""
        return self._found.add(customer_id, endpoint_id)

    def later(self, endpoint_id: UUID, at: float, *, tries: int = 0) -> None:
        """Add a lane at a moment to come, as far as those are remembered."""
        known = self._later_at.get(endpoint_id, float("inf"))
        if at < known and len(self._later) < self._limits.hints:
            self._later_at[endpoint_id] = at
            heapq.heappush(self._later, (at, endpoint_id, tries))

    def busy(self, endpoint_ids: Iterable[UUID], now: float) -> None:
        """Try those again that are in another worker's hands: it may give them back without knowing of the news."""
        for endpoint_id in endpoint_ids:
            tries = self._tried.get(endpoint_id, self._limits.tries)
            if tries < self._limits.tries:
                self.later(endpoint_id, now + self._limits.try_again[tries], tries=tries + 1)

    def note_leased(self, endpoint_ids: Iterable[UUID], *, of: Iterable[UUID]) -> None:
        """Forget what else was found of a customer when others had most of its lanes first: they have the rest too."""
        if not self.named_last:
            self.look |= self._found.forget_stale(endpoint_ids, of=of)

    def customers_of(self, endpoint_ids: Iterable[UUID]) -> list[int]:
        """Return whose lanes these are, by the numbers of ids, as far as that is known."""
        return [self._found.customer_of(each) or self._customer_of.get(each.int, ZERO).int for each in endpoint_ids]

    def forget_found(self) -> None:
        """Forget what was found, of which nothing may be leased, so that there is room for what may."""
        self._found = FoundLanes(self._limits)

    def know(self, endpoint_id: UUID, customer_id: UUID) -> None:
        """Remember whose lane it is, so that hints for it heed what its customer may have."""
        if len(self._customer_of) >= 64 * self._limits.hints:
            self._customer_of.clear()
        self._customer_of[endpoint_id.int] = customer_id

    def next(self, count: int, *, now: float, may_take: MayTake, may_take_many: MayTake | None = None) -> list[UUID]:
        """Take out up to `count` lanes: named ones and found ones in turn, of each one customer after the other.

        Named ones are few and somebody waits for them: found ones have a turn when those had one. Mixed with found ones
        they would wait for a large statement. `may_take_many` is asked about found ones.
        """
        while self._later and self._later[0][0] <= now:
            at, endpoint_id, tries = heapq.heappop(self._later)
            if self._later_at.get(endpoint_id) == at:
                del self._later_at[endpoint_id]
            self._hint(endpoint_id, tries=tries)
        is_founds_turn = self.named_last and bool(self._found)
        self._tried = {} if is_founds_turn else dict(self._next_hints(count, may_take))
        return [*self._tried] or self._found.pop(count, may_take_many or may_take)

    def _next_hints(self, count: int, may_take: MayTake) -> Iterable[tuple[UUID, int]]:
        while count and self._hints:
            customer_id, endpoint_id, tries = self._hints.pop()
            if customer_id != ZERO and not may_take(customer_id):
                self.look = True
                continue
            count -= 1
            yield endpoint_id, tries
