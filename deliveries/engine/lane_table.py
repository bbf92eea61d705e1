"""The lanes in the hands of one engine, and which of them are worth a look.

What lives here: lanes coming in from other threads, lanes that only wait for their receiver, and whether there is room
for more. With thousands of hanging receivers a step of the engine costs no more than with none. Sends nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable
from contextlib import suppress
from uuid import UUID

from deliveries.engine.leases import LeasedLane
from deliveries.engine.pace import BUSY_LANES_LIMIT, busy, is_still

SWEEP_SECONDS = 0.05
NEVER = float("inf")


class Hands:
    """All lanes, those awake, and the inbox. `put`, `nudge` and `have_room` are for other threads, the rest is not."""

    def __init__(self) -> None:
        self.lanes: dict[UUID, LeasedLane] = {}
        self.sweep_at = NEVER
        self._awake: dict[UUID, LeasedLane] = {}
        self._inbox: deque[LeasedLane] = deque()
        self._nudged: deque[LeasedLane] = deque()
        self._busy = 0

    @property
    def awake(self) -> Collection[LeasedLane]:
        """The lanes to look at."""
        return self._awake.values()

    def put(self, lanes: Iterable[LeasedLane]) -> None:
        """Hand lanes in; they are taken in at the next step."""
        self._inbox.extend(lanes)

    def nudge(self, endpoint_ids: Iterable[UUID]) -> list[UUID]:
        """Let lanes in hand look for work again, and return those that are not in hand.

        One that is given back meanwhile is not forgotten: who gives it back looks for work afterwards.
        """
        now, free = time.monotonic(), []
        for endpoint_id in endpoint_ids:
            lane = self.lanes.get(endpoint_id)
            if lane and now < lane.owned_until:
                self._nudged.append(lane)
            else:
                free.append(endpoint_id)
        return free

    def have_room(self) -> bool:
        """Say whether more lanes may be put in; those that only wait for an answer do not count."""
        return self._busy + len(self._inbox) < BUSY_LANES_LIMIT

    def empty_inbox(self) -> list[LeasedLane]:
        """Take out what was put in and not taken in."""
        lanes = []
        with suppress(IndexError):  # another thread may empty it too
            while True:
                lanes.append(self._inbox.popleft())
        return lanes

    def take_in(self, now: float) -> None:
        """Take in what was put in, and wake all lanes now and then: for some of them only the time has come."""
        for lane in self.empty_inbox():
            if older := self.lanes.get(lane.endpoint_id):
                # We lost that lease and got the lane again: what the older one sent must end and be recorded first.
                older.stopped = True
                self.touch(older)
                self._inbox.append(lane)
            else:
                self.lanes[lane.endpoint_id] = lane
                self.touch(lane)
        while self._nudged:
            nudged = self._nudged.popleft()
            if self.lanes.get(nudged.endpoint_id) is nudged:
                nudged.drained = False
                self.touch(nudged)
        if now >= self.sweep_at:
            self._awake, self.sweep_at = dict(self.lanes), NEVER
        if self.lanes:
            self.sweep_at = min(self.sweep_at, now + SWEEP_SECONDS)

    def touch(self, lane: LeasedLane) -> None:
        """Look at a lane from the next step on."""
        self._awake[lane.endpoint_id] = lane

    def rest(self, now: float, *, served: int) -> None:
        """Look no longer at lanes that only wait for an answer, and next time at those first that were not served."""
        lanes = [*self._awake.items()]
        self._awake = {key: lane for key, lane in lanes[served:] + lanes[:served] if not is_still(lane, now)}
        self._busy = busy(self._awake.values())

    def forget(self, endpoint_ids: Iterable[UUID]) -> None:
        """Let go of lanes that were given back."""
        for endpoint_id in endpoint_ids:
            del self.lanes[endpoint_id], self._awake[endpoint_id]

    def everything(self) -> list[LeasedLane]:
        """All lanes, also those not taken in yet."""
        return [*self.lanes.values(), *self._inbox]

    def drop_everything(self) -> list[LeasedLane]:
        """Take out all lanes."""
        held = [*self.lanes.values(), *self.empty_inbox()]
        self.lanes.clear()
        self._awake.clear()
        self._busy = 0
        return held
