"""The lanes in the hands of one engine, which of them are worth a look, and what their customers share.

What lives here: with thousands of hanging receivers a step of the engine costs no more than with none, and nobody's
lanes come before another customer's. Sends nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable
from uuid import UUID

from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.shares import Shares
from deliveries.engine.work import Claimed


class LaneTable:
    """All lanes, and those that are active; `shares` of what waits, what is in flight, and its bytes."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.lanes: dict[UUID, Lane] = {}
        self.sweep_at = NEVER
        self.waiting = Shares(limits.waiting)
        self.in_flight = Shares(limits.in_flight)
        self.bytes = Shares(limits.bytes_in_flight)
        self._limits = limits
        self._active: dict[Lane, None] = {}  # in the order to serve them in
        self._counted: dict[Lane, int] = {}
        self._customers: Counter[int] = Counter()  # lanes of each; by the id's number, as in shares.py

    @property
    def active(self) -> Collection[Lane]:
        """The lanes to look at."""
        return self._active.keys()

    def may_have_more(self, customer_id: UUID) -> bool:
        """Say whether more of a customer's deliveries may be taken into memory."""
        return self.waiting.may_take(customer_id) and self.in_flight.may_take(customer_id)

    def may_have_many(self, customer_id: UUID) -> bool:
        """Say whether many lanes of a customer may be leased at once; few at a time would cost as much."""
        return self.waiting.has_little(customer_id) and self.in_flight.may_take(customer_id)

    def may_start(self, customer_id: UUID, size: int) -> bool:
        """Say whether a customer may have one more request in flight, of so many bytes."""
        return self.in_flight.may_take(customer_id) and self.bytes.may_take(customer_id, size)

    def starts(self) -> int:
        """Return how many requests to start in one step: few while several customers are here, as none waits long."""
        most = self._limits.starts_a_step
        if len(self._customers) < 2:
            return most
        return min(most, max(self._limits.starts_beside, len(self._active) // self._limits.lanes_a_start))

    def note_started(self, customer_id: UUID, size: int) -> None:
        """Note that a request of a customer takes room, sent or in the making."""
        self.in_flight.take(customer_id)
        self.bytes.take(customer_id, size)

    def note_ended(self, customer_id: UUID, size: int) -> None:
        """Note that its room is free again."""
        self.in_flight.give_back(customer_id)
        self.bytes.give_back(customer_id, size)

    def recount(self, customer_id: UUID, claimed: Claimed, size: int) -> bool:
        """Count a request as large as it turned out to be; one that is too much for its customer counts no more."""
        self.note_ended(customer_id, claimed.body_bytes)
        claimed.body_bytes = size
        if fits := self.may_start(customer_id, size):
            self.note_started(customer_id, size)
        return fits

    def add(self, lane: Lane) -> None:
        """Drive a lane that was leased just now."""
        self.lanes[lane.endpoint_id] = lane
        self._customers[lane.customer_id.int] += 1
        self.activate(lane)
        self.count(lane)

    def activate(self, lane: Lane) -> None:
        """Look at a lane from the next step on."""
        self._active[lane] = None

    def sweep(self, now: float) -> bool:
        """Look at all lanes now and then: for some of them only the time has come. Returns whether it did."""
        due = now >= self.sweep_at
        if due:
            self._active |= dict.fromkeys(self.lanes.values())
        if due or self.sweep_at == NEVER:
            self.sweep_at = now + self._limits.sweep if self.lanes else NEVER
        return due

    def lines(self, now: float, *, sending: bool) -> deque[deque[Lane]]:
        """Return lanes with something to send, in the order to serve them in: one line for each customer."""
        lines: defaultdict[int, deque[Lane]] = defaultdict(deque)
        for lane in self.active:
            if lane.waiting and (not sending or now >= lane.owned_until):
                lane.close(now)  # frozen past its lease, or at the end: what waits stays due
            if lane.waiting:
                lines[lane.customer_id.int].append(lane)
        return deque(lines.values())

    def end_step(self, now: float, *, served: Iterable[Lane]) -> None:
        """Look no longer at lanes that only wait, and next time first at those that were not served."""
        counted = self._counted
        for lane in served:
            if lane in self._active:
                del self._active[lane]
                self._active[lane] = None
        for lane in [*self._active]:
            if len(lane.waiting) != counted.get(lane, 0):
                self.count(lane)
            if lane.only_waits(now):
                del self._active[lane]

    def forget(self, lane: Lane) -> None:
        """Let go of a lane that was given back, or lost."""
        if self.lanes.get(lane.endpoint_id) is lane:
            del self.lanes[lane.endpoint_id]
            self._active.pop(lane, None)
            self._customers[lane.customer_id.int] -= 1
            if not self._customers[lane.customer_id.int]:
                del self._customers[lane.customer_id.int]
            if counted := self._counted.pop(lane, 0):
                self.waiting.give_back(lane.customer_id, counted)

    def drop_everything(self) -> list[Lane]:
        """Take out all lanes."""
        lanes = [*self.lanes.values()]
        for of_lanes in (self.lanes, self._active, self._counted, self._customers):
            of_lanes.clear()
        for shares in (self.waiting, self.in_flight, self.bytes):
            shares.clear()
        return lanes

    def count(self, lane: Lane) -> None:
        """Note how much of a lane waits by now."""
        now, before = len(lane.waiting), self._counted.get(lane, 0)
        self._counted[lane] = now
        if now > before:
            self.waiting.take(lane.customer_id, now - before)
        elif now < before:
            self.waiting.give_back(lane.customer_id, before - now)
