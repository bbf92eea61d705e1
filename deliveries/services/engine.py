"""The engine: one thread and one multi that drive all leased lanes of a process.

    take in -> claim -> feed -> collect -> settle -> renew, again and again

A hanging receiver costs a slot in the multi, never a thread. Connections are shared by all turns.
Knows no broker: lanes that want another turn are named to `wake`. No transaction is open here.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar, cast
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from deliveries import sql
from deliveries.conf import conf
from deliveries.models import Endpoint
from deliveries.outbound.client import new_transfers
from deliveries.outbound.transfers import Transfers
from deliveries.protocol.answer import Answer
from deliveries.protocol.outcome import Outcome, decide
from deliveries.services import endpoints
from deliveries.services.health import has_room, note_outcome, pay, stop
from deliveries.services.lanes import (
    Claimed,
    Finished,
    LeasedLane,
    claim_batch,
    mark_suspect,
    record_outcomes,
    release_lanes,
    renew_leases,
)
from deliveries.services.prepare import prepare_delivery

log = structlog.get_logger(__name__)

Wake = Callable[[Iterable[tuple[UUID, bool]]], None]
Tag = tuple[LeasedLane, Claimed, datetime]
Result = TypeVar("Result")

RECORD_AFTER_SECONDS = 0.02
RECORD_LATER_SECONDS = 0.2
WAIT_SECONDS = 0.1
IDLE_WAIT_SECONDS = 1.0
ROOM_AT_LEAST = 20
CLAIM_BYTES = 16_777_216
WAITING_LIMIT = 2000
IN_FLIGHT_LIMIT = 5000
LOSSES_OF_A_POISON = 4
CLAIM_AFTER_SECONDS = 0.003
PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.25
GRACE_SECONDS = 5.0
NEVER = float("inf")
ONLY_ONCE = (0,)

_dice = random.SystemRandom()


class Engine:
    """The lanes in the hands of this process. `adopt` and `wait_for_room` are for other threads, the rest is not."""

    def __init__(self, *, wake: Wake, rng: random.Random | None = None) -> None:
        self.lanes: dict[UUID, LeasedLane] = {}
        self._wake = wake
        self._rng = rng or _dice
        self._transfers: Transfers = new_transfers()
        self._inbox: deque[LeasedLane] = deque()
        self._renew_at = NEVER
        self._claim_at = NEVER
        self._settle_at = NEVER
        self._unrecorded = 0
        self._body_bytes = 1024  # of one event, as the last claim had them on average

    def adopt(self, lanes: Iterable[LeasedLane]) -> None:
        """Drive these lanes from now on; they were leased just now."""
        self._inbox.extend(lanes)
        self._transfers.interrupt()

    def wait_for_room(self) -> None:
        """Return when the engine has room for more lanes."""
        while not self._has_room():
            time.sleep(WAIT_SECONDS)

    def run(self, stopping: threading.Event) -> None:
        """Step until told to stop; then let requests in flight end for a moment, and give all lanes back."""
        while not stopping.is_set():
            try:
                self.step()
            except Exception:
                log.exception("engine_failed")
                self.abandon()
        with suppress(DatabaseError, InterfaceError):
            self._wind_down()
        self.abandon()
        connection.close()

    def step(self, *, sending: bool = True) -> None:
        """Go once around; waits only while nothing can be done."""
        self._take_in()
        if sending:
            self._claim()
        self._feed(sending=sending)
        self._collect()
        if self._must_settle():
            self._settle()
        self._renew()

    def _wind_down(self) -> None:
        give_up = time.monotonic() + GRACE_SECONDS
        while self._transfers.in_flight and time.monotonic() < give_up:
            self.step(sending=False)
        self._settle()

    def abandon(self) -> None:
        """End everything in flight after an error or at shut-down; what was not recorded stays due."""
        self._transfers.close()
        self._transfers = new_transfers()
        held = [*self.lanes.values(), *self._inbox]
        self.lanes.clear()
        self._inbox.clear()
        self._unrecorded, self._settle_at = 0, NEVER
        with suppress(DatabaseError, InterfaceError):  # the leases end by themselves
            release_lanes(held)

    def _has_room(self) -> bool:
        waiting = sum(len(lane.waiting) for lane in [*self.lanes.values(), *self._inbox])
        return waiting < WAITING_LIMIT and self._transfers.in_flight < IN_FLIGHT_LIMIT

    def _take_in(self) -> None:
        while self._inbox:
            lane = self._inbox.popleft()
            self.lanes[lane.endpoint_id] = lane
            self._renew_at = min(self._renew_at, time.monotonic() + conf.lease_seconds / 3)

    def _claim(self) -> None:
        now = time.monotonic()
        hungry = [lane for lane in self.lanes.values() if _is_hungry(lane, now)]
        self._claim_at = min(self._claim_at, now + CLAIM_AFTER_SECONDS) if hungry else NEVER
        if not hungry or (2 * len(hungry) < len(self.lanes) and now < self._claim_at):
            return
        self._claim_at = NEVER
        if any(lane.finished for lane in hungry):
            self._settle()  # what is finished but not recorded is still due, and would be claimed again
        self._claim_for([lane for lane in hungry if lane.endpoint_id in self.lanes])

    def _claim_for(self, lanes: Sequence[LeasedLane]) -> None:
        if not lanes:
            return
        room = max(2 * conf.batch_size // len(lanes), ROOM_AT_LEAST)
        room = max(1, min(room, CLAIM_BYTES // (self._body_bytes * len(lanes))))
        _patiently(lambda: claim_batch(lanes, room=room))
        bodies = [len(claimed.body) for lane in lanes for claimed in lane.waiting]
        self._body_bytes = max(1024, sum(bodies) // (len(bodies) or 1))

    def _feed(self, *, sending: bool) -> None:
        now = time.monotonic()
        for lane in self.lanes.values():
            # A process that was frozen wakes up here: what it claimed belongs to another worker by now.
            if lane.waiting and (lane.stopped or not sending or now >= lane.owned_until):
                stop(lane, rest_seconds=0)
            while lane.waiting and has_room(lane) and pay(lane):
                self._send(lane, lane.waiting.popleft())
            if _is_done(lane, now):
                self._settle_at = min(self._settle_at, now + RECORD_AFTER_SECONDS)

    def _send(self, lane: LeasedLane, claimed: Claimed) -> None:
        if lane.crashes:
            if claimed.delivery_id == lane.suspect_id and lane.crashes >= LOSSES_OF_A_POISON:
                self._bury(lane, claimed)
                return
            mark_suspect(lane, claimed.delivery_id)
        now = datetime.now(UTC)
        request = prepare_delivery(claimed, target=lane.target, timestamp=int(now.timestamp()))
        lane.in_flight.add(claimed.key)
        self._transfers.start(request, tag=(lane, claimed, now), timeout_seconds=lane.target.timeout_seconds)

    def _bury(self, lane: LeasedLane, claimed: Claimed) -> None:
        answer = Answer(error="worker_lost", detail="Each worker that sent this delivery was lost while it did.")
        outcome = Outcome(state="exhausted", error="worker_lost")
        self._finish(lane, Finished(claimed=claimed, started_at=datetime.now(UTC), answer=answer, outcome=outcome))

    def _collect(self) -> None:
        for tag, answer in self._transfers.finish(wait_seconds=self._patience(), idle_too=True):
            lane, claimed, started_at = cast(Tag, tag)
            lane.in_flight.discard(claimed.key)
            outcome = decide(
                answer,
                schedule=ONLY_ONCE if claimed.manual else lane.target.schedule,
                attempts_done=claimed.attempts + 1,
                now=started_at,
                rng=self._rng,
            )
            self._finish(lane, Finished(claimed=claimed, started_at=started_at, answer=answer, outcome=outcome))
            note_outcome(lane, claimed, outcome, rng=self._rng)

    def _patience(self) -> float:
        if not self.lanes:
            return IDLE_WAIT_SECONDS
        return min(WAIT_SECONDS, max(0.0, min(self._settle_at, self._claim_at) - time.monotonic()))

    def _finish(self, lane: LeasedLane, finished: Finished) -> None:
        lane.finished.append(finished)
        self._unrecorded += 1
        # While a lane has more to send nobody waits for its release: larger batches are cheaper.
        patience = RECORD_AFTER_SECONDS if lane.drained or lane.stopped else RECORD_LATER_SECONDS
        self._settle_at = min(self._settle_at, time.monotonic() + patience)

    def _must_settle(self) -> bool:
        if self._unrecorded >= conf.batch_size or (self._unrecorded and not self._transfers.in_flight):
            return True
        return time.monotonic() >= self._settle_at or (bool(self.lanes) and not self._transfers.in_flight)

    def _settle(self) -> None:
        """Record what is finished, and give back the lanes that are done."""
        now = time.monotonic()
        lanes = [lane for lane in self.lanes.values() if lane.finished or _is_done(lane, now)]
        released = [lane.endpoint_id for lane in lanes if _is_done(lane, now)]
        disable = {
            x.endpoint_id: f.outcome.disable_reason for x in lanes for f in x.finished if f.outcome.disable_reason
        }
        self._unrecorded, self._settle_at = 0, NEVER
        if not lanes:
            return
        _patiently(lambda: record_outcomes(lanes, release=released))
        for endpoint_id, reason in disable.items():
            endpoints.disable_endpoint(Endpoint.objects.get(id=endpoint_id), actor="system", reason=reason)
        self._let_go(released)

    def _let_go(self, endpoint_ids: Sequence[UUID]) -> None:
        """Forget lanes that were given back, and name those that got work between the last claim and the release."""
        for endpoint_id in endpoint_ids:
            del self.lanes[endpoint_id]
        if endpoint_ids:
            rows = _patiently(lambda: sql.run("lanes_with_work", {"endpoint_ids": list(endpoint_ids)}))
            self._wake((row.endpoint_id, row.slow) for row in rows)

    def _renew(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + conf.lease_seconds / 3 if self.lanes else NEVER
        if held := list(self.lanes.values()):
            _patiently(lambda: renew_leases(held))


def _is_hungry(lane: LeasedLane, now: float) -> bool:
    # Only half empty, so that one claim fetches many.
    spent = lane.waiting or lane.stopped or lane.drained or now >= lane.until
    return not spent and has_room(lane) and 2 * len(lane.in_flight) <= lane.target.max_in_flight


def _is_done(lane: LeasedLane, now: float) -> bool:
    return not lane.in_flight and not lane.waiting and (lane.stopped or lane.drained or now >= lane.until)


def _patiently(act: Callable[[], Result]) -> Result:
    """Keep trying while the database is away: what came back from endpoints must not be lost with it."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > give_up:
                raise
            time.sleep(PAUSE_SECONDS)
