"""Engines that are played: each steps when something has happened to it, on one clock that never waits.

What lives here: who steps when, what messages come to whom, and what is seen of it. A step takes a moment, a statement
another one; nothing takes as long as the machine does.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import time
from unittest.mock import patch
from uuid import UUID

from requests import PreparedRequest

from deliveries.actors import parts_of
from deliveries.engine.dispatcher import Dispatcher
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.loop import Engine
from deliveries.protocol.answers.answer import Answer
from tests.engine.simulated import Database, Due, Lane

STEP_SECONDS, STATEMENT_SECONDS = 0.0005, 0.002
NEVER = float("inf")


class Transfers:
    """Requests of one engine, answered when their moment has come."""

    def __init__(self, play: Play) -> None:
        self.wake_at = 0.0
        self._play = play
        self._flying: list[tuple[float, int, Lane, UUID, object, Answer]] = []  # a heap
        self._number = 0

    @property
    def in_flight(self) -> int:
        """How many."""
        return len(self._flying)

    @property
    def next_at(self) -> float:
        """When something happens."""
        return min(self.wake_at, self._flying[0][0]) if self._flying else self.wake_at

    def start(self, request: PreparedRequest, *, tag: object, timeout_seconds: float, tls: object) -> None:
        """Begin one."""
        delivery_id = tag[1].claimed.delivery_id  # type: ignore[index]
        lane = self._play.note_sent(request.url or "", delivery_id)
        seconds, answer = lane.answers(self._play.now, lane.requests)
        lane.requests += 1
        if seconds >= timeout_seconds:
            seconds, answer = timeout_seconds, Answer(error="deadline_exceeded")
        answer = Answer(status=answer.status, error=answer.error, duration_ms=int(seconds * 1000))
        self._number += 1
        heapq.heappush(self._flying, (self._play.now + seconds, self._number, lane, delivery_id, tag, answer))

    def finish(self, *, wait_seconds: float, idle_too: bool = False) -> list[tuple[object, Answer]]:
        """Return what has ended; who waits is woken by the play."""
        now = self._play.now
        self.wake_at = now + wait_seconds
        ended: list[tuple[object, Answer]] = []
        while self._flying and self._flying[0][0] <= now:
            _, _, lane, delivery_id, tag, answer = heapq.heappop(self._flying)
            self._play.note_answered(lane, delivery_id)
            ended.append((tag, answer))
        return ended

    def interrupt(self) -> None:
        """Wake who waits."""
        self.wake_at = self._play.now

    def close(self) -> None:
        """End all of them."""
        for _, _, lane, delivery_id, _, _ in self._flying:
            self._play.note_answered(lane, delivery_id)
        self._flying.clear()


@dataclass(slots=True, eq=False)
class Played:
    """An engine; `away_until`: it is frozen, for ever if it was killed."""

    engine: Engine
    transfers: Transfers
    ready_at: float = 0.0
    away_until: float = 0.0

    @property
    def next_at(self) -> float:
        """When it steps next."""
        return max(self.ready_at, self.away_until, self.transfers.next_at)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What came of it."""

    sent: dict[UUID, int] = field(default_factory=dict)
    doubled: int = 0
    first_sent_after: dict[UUID, float] = field(default_factory=dict)


class Play:
    """Engines, their database and their receivers."""

    def __init__(self, *, seed: int = 0, lost_messages: float = 0.0, limits: Limits = LIMITS) -> None:
        self.now, self.seen, self.limits = 1000.0, Seen(), limits
        self.database = Database(lambda: self.now)
        self.played: list[Played] = []
        self._lost, self._dice = lost_messages, random.Random(seed)
        self._number, self._under_way = 0, set[UUID]()
        self._due_at: dict[UUID, float] = {}
        self._of: dict[UUID, UUID] = {}  # the lane of each delivery
        self._dispatcher = Dispatcher(ring=self.wake, ring_all=self._ring_all)
        self._dispatches_at = self.now

    @contextmanager
    def running(self, engines: int) -> Iterator[None]:
        """Have so many engines inside."""
        with ExitStack() as stack:
            for name in ("fetch", "run"):
                stack.enter_context(patch(f"deliveries.sql.{name}", getattr(self.database, name)))
            stack.enter_context(patch("deliveries.engine.recorder._run", lambda record, rows: record()))
            stack.enter_context(patch("deliveries.engine.upkeep.connection"))
            made = stack.enter_context(patch("deliveries.engine.outbox.new_transfers"))
            for slow in [False] * engines + [True]:
                made.return_value = transfers = Transfers(self)
                engine = Engine(wake=self.wake, slow=slow, clock=lambda: self.now, limits=self.limits, rng=self._dice)
                self.played.append(Played(engine, transfers))
            yield

    def add_lane(self, customer: int, **given: object) -> Lane:
        """Add an endpoint of a customer."""
        self._number += 1
        lane = Lane(id=UUID(int=self._dice.getrandbits(128)), customer_id=UUID(int=customer), **given)  # type: ignore[arg-type]
        self.database.add(lane)
        return lane

    def accept(self, lanes: Iterable[Lane], *, each: int = 1, size: int = 33, told: bool = True) -> None:
        """Have events become due, and say so."""
        woken = []
        for lane in lanes:
            for _ in range(each):
                due = Due(delivery_id=self._new_id(), due_at=self.now, size=size)
                lane.queue[due.delivery_id] = due
                self._due_at[due.delivery_id], self._of[due.delivery_id] = self.now, lane.id
            woken.append((lane.id, bool(lane.health["slow"])))
        if told:
            self.wake(woken)

    def _new_id(self) -> UUID:
        return UUID(int=int(time() * 1000) << 80 | self._dice.getrandbits(80))

    def wake(self, lanes: Iterable[tuple[UUID, bool]]) -> None:
        """Send messages as actors.py does; each comes to some engine, or is lost."""
        named = [*lanes]
        for slow in {slow for _, slow in named}:
            for part in parts_of([str(each) for each, is_slow in named if is_slow is slow]):
                self._tell([UUID(each) for each in part], slow=slow)

    def _ring_all(self, *, slow: bool) -> None:
        for _ in range(4):
            self._tell([], slow=slow)

    def _tell(self, endpoint_ids: Sequence[UUID], *, slow: bool) -> None:
        there = [each for each in self.played if each.engine._slow is slow and each.away_until <= self.now]
        if there and self._dice.random() >= self._lost:
            self._dice.choice(there).engine.notify(endpoint_ids)

    def run(self, *, seconds: float) -> float:
        """Play until nothing is due nor to come, so long at most; returns how long that took."""
        began = self.now
        while self.now < began + seconds and self.database.is_busy():
            for _ in range(20):
                self.step()
        return self.now - began

    def run_for(self, seconds: float) -> None:
        """Play for so long."""
        until = self.now + seconds
        while self.now < until:
            self.step()

    def step(self) -> None:
        """Have whoever is next do something."""
        following = min(self.played, key=lambda each: each.next_at)
        self.now = max(self.now, min(following.next_at, self._dispatches_at))
        if self.now >= self._dispatches_at:
            self._dispatcher._wake_due()
            self._dispatches_at += 1.0
            return
        before = self.database.statements
        following.engine.step()
        following.ready_at = self.now + STEP_SECONDS + STATEMENT_SECONDS * (self.database.statements - before)

    def note_sent(self, url: str, delivery_id: UUID) -> Lane:
        """See that a request was begun."""
        lane = self.database.lanes[UUID(url.split("//")[1].split(".")[0])]
        if delivery_id not in self.seen.sent:
            self.seen.first_sent_after[delivery_id] = self.now - self._due_at[delivery_id]
        self.seen.doubled += delivery_id in self._under_way or delivery_id not in lane.queue
        self.seen.sent[delivery_id] = self.seen.sent.get(delivery_id, 0) + 1
        self._under_way.add(delivery_id)
        return lane

    def note_answered(self, lane: Lane, delivery_id: UUID) -> None:
        """See that it has ended."""
        self._under_way.discard(delivery_id)

    def longest_wait(self, lanes: Iterable[Lane]) -> float:
        """Return how long the last of what came for these lanes waited for its first request; NEVER for none."""
        mine = {lane.id for lane in lanes}
        return max(self.seen.first_sent_after.get(each, NEVER) for each, lane in self._of.items() if lane in mine)

    def holds_nothing(self, played: Played) -> bool:
        """Say whether an engine has nothing in hand, and nothing of its shares is taken."""
        table = played.engine._table
        shares = (table.waiting, table.in_flight, table.bytes)
        return not (table.lanes or played.transfers.in_flight or any(each.taken for each in shares))

    def unrecorded(self, played: Played) -> int:
        """Return how much an engine has that was answered and is not recorded."""
        return sum(len(lane.finished) for lane in played.engine.lanes.values()) + len(played.engine._ended)
