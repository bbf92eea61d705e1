"""The engine: one thread and one multi that drive all leased lanes of a process.

    take in -> claim -> feed -> collect -> settle -> renew, again and again

A hanging receiver costs a slot in the multi, never a thread. All turns share the connections. What is wrong with one
lane or delivery stays there. Knows no broker: `wake` is told which lanes want another turn. No transaction is open.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

import structlog
from django.db import connection

from deliveries import sql
from deliveries.conf import conf
from deliveries.engine import quarantine
from deliveries.engine.database_retry import patiently
from deliveries.engine.health import give_pause, judge, note_outcome, pay, stop, wait_for_sockets
from deliveries.engine.lane_table import NEVER, Hands
from deliveries.engine.leases import (
    Claimed,
    Finished,
    LeasedLane,
    claim_batch,
    mark_suspect,
    release_lanes,
    renew_leases,
)
from deliveries.engine.pace import IN_FLIGHT_LIMIT, STARTS_AT_ONCE, claim_room, has_room, is_done, is_hungry
from deliveries.engine.recorder import record_outcomes, record_rest
from deliveries.engine.sender import send
from deliveries.errors import ClockOff, HookpostError
from deliveries.outbound.client import new_transfers
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answer import Answer
from deliveries.protocol.outcome import is_own_fault
from deliveries.services.alerts import tell_clock_off
from deliveries.services.endpoints import disable_if_still_at

log = structlog.get_logger(__name__)

Wake = Callable[[Iterable[tuple[UUID, bool]]], None]
Tag = tuple[LeasedLane, Claimed, datetime]
Result = TypeVar("Result")

RECORD_AFTER_SECONDS = 0.008
RECORD_LATER_SECONDS = 0.2
WAIT_SECONDS = 0.1
IDLE_WAIT_SECONDS = 1.0
CLAIM_AFTER_SECONDS = 0.003
PATIENCE_SECONDS = 20.0
GRACE_SECONDS = 5.0
OVERTIME_SECONDS = 1.0

_dice = random.SystemRandom()


class Engine:
    """The lanes in the hands of this process; `adopt`, `nudge` and `wait_for_room` are for other threads."""

    def __init__(self, *, wake: Wake, rng: random.Random | None = None) -> None:
        self._hands = Hands()
        self.lanes = self._hands.lanes
        self._wake = wake
        self._rng = rng or _dice
        self._transfers: Transfers = new_transfers()
        self._ended: list[tuple[object, Answer]] = []
        self._stopping = threading.Event()
        self._closed = False
        self._renew_at = self._claim_at = self._settle_at = NEVER
        self._is_feeding = False  # there is more to start than one step starts
        self._unrecorded = 0
        self._body_bytes = 1024  # of one event, as the last claim had them on average

    def adopt(self, lanes: Iterable[LeasedLane]) -> None:
        """Drive these lanes from now on; they were leased just now."""
        self._hands.put(lanes)
        if self._closed:
            release_lanes(self._hands.empty_inbox())
        else:
            self._transfers.interrupt()

    def nudge(self, endpoint_ids: Iterable[UUID]) -> list[UUID]:
        """Let those of the lanes that are in hand look for work again; returns the others."""
        free = self._hands.nudge(endpoint_ids)
        self._transfers.interrupt()
        return free

    def wait_for_room(self) -> None:
        """Return when the engine has room for more lanes."""
        while not self._hands.have_room() or self._transfers.in_flight >= IN_FLIGHT_LIMIT:
            time.sleep(CLAIM_AFTER_SECONDS)

    def run(self, stopping: threading.Event) -> None:
        """Step until told to stop; then let requests in flight end for a moment, and give all lanes back."""
        self._stopping = stopping
        while not stopping.is_set():
            try:
                self.step()
            except Exception:
                log.exception("engine_failed")
                self.abandon()
                stopping.wait(WAIT_SECONDS)
        try:
            self._wind_down()
        except Exception:
            log.exception("engine_failed")
        self._closed = True
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
        while (self._transfers.in_flight or self._ended) and time.monotonic() < give_up:
            self.step(sending=False)
        self._settle()

    def abandon(self) -> None:
        """End everything in flight after an error or at shut-down; the log keeps it, its deliveries stay due."""
        self._transfers.close()
        held = self._hands.drop_everything()
        self._ended.clear()
        for lane in held:
            quarantine.came_back(lane)
        self._unrecorded, self._settle_at = 0, NEVER
        try:
            record_rest(held)
        except Exception:
            log.exception("attempts_lost")
        release_lanes(held)
        self._transfers = self._other_transfers()

    def _other_transfers(self) -> Transfers:
        """Open a multi in place of the closed one; when this process has no descriptor left, wait for one."""
        while True:
            try:
                return new_transfers()
            except OSError as error:
                log.warning("no_socket", reason=error.strerror)
                if self._stopping.wait(WAIT_SECONDS):
                    return self._transfers

    def _take_in(self) -> None:
        now = time.monotonic()
        self._hands.take_in(now)
        if self.lanes:
            self._renew_at = min(self._renew_at, now + conf.lease_seconds / 3)

    def _claim(self) -> None:
        now = time.monotonic()
        awake = self._hands.awake
        hungry = [lane for lane in awake if is_hungry(lane, now)]
        self._claim_at = min(self._claim_at, now + CLAIM_AFTER_SECONDS) if hungry else NEVER
        if not hungry or (2 * len(hungry) < len(awake) and now < self._claim_at):
            return
        self._claim_at = NEVER
        if any(lane.finished for lane in hungry):
            self._settle()  # what is finished but not recorded is still due, and would be claimed again
        if still := [lane for lane in hungry if lane.endpoint_id in self.lanes]:
            self._claim_for(still)

    def _claim_for(self, lanes: Sequence[LeasedLane]) -> None:
        room = claim_room(len(lanes), body_bytes=self._body_bytes)
        self._patiently(lambda: claim_batch(lanes, room=room))
        bodies = [len(claimed.body) for lane in lanes for claimed in lane.waiting]
        self._body_bytes = max(1024, sum(bodies) // (len(bodies) or 1))

    def _feed(self, *, sending: bool) -> None:
        now, room = time.monotonic(), STARTS_AT_ONCE
        served = 0
        for lane in self._hands.awake:
            # Its time is over, or the process was frozen and the lane is another worker's by now. What waits stays due,
            # and is sent under the configuration of that time.
            late = now >= lane.owned_until or (now >= lane.until + OVERTIME_SECONDS and not lane.careful)
            if lane.waiting and (lane.stopped or late or not sending):
                stop(lane, rest_seconds=0)
            served += room > 0
            while room and lane.waiting and self._may_send(lane):
                self._send(lane, lane.waiting.popleft())
                room -= 1
            if is_done(lane, now):
                self._settle_at = min(self._settle_at, now + RECORD_AFTER_SECONDS)
        self._hands.rest(now, served=served)
        self._is_feeding = not room

    def _may_send(self, lane: LeasedLane) -> bool:
        return has_room(lane, in_flight=self._transfers.in_flight) and quarantine.may_go(lane) and pay(lane)

    def _send(self, lane: LeasedLane, claimed: Claimed) -> None:
        if lane.careful:
            if quarantine.is_poison(lane, claimed):
                self._finish(lane, quarantine.buried(claimed, at=datetime.now(UTC)))
                return
            noting = partial(mark_suspect, lane, claimed.delivery_id, losses=quarantine.losses_of(lane, claimed))
            self._patiently(noting)
        try:
            if failed := send(lane, claimed, transfers=self._transfers, rng=self._rng):
                self._finish(lane, failed)
        except ClockOff as error:  # the lane is well: another worker may have it at once
            stop(lane, rest_seconds=0)
            self._patiently(partial(tell_clock_off, error, part="worker"))
        except HookpostError as error:
            self._patiently(partial(give_pause, lane, reason=str(error)))

    def _collect(self) -> None:
        ended, self._ended = self._ended, []
        ended += self._transfers.finish(wait_seconds=0.0 if ended else self._patience(), idle_too=True)
        now = time.monotonic()
        for tag, answer in ended:
            lane, claimed, started_at = cast(Tag, tag)
            lane.in_flight.pop(claimed.key, None)
            lane.answers, lane.moved_at = lane.answers + 1, now
            self._hands.touch(lane)
            if is_own_fault(answer):
                self._patiently(partial(wait_for_sockets, lane, reason=answer.detail, rng=self._rng))
                continue
            finished = judge(lane, claimed, answer, started_at=started_at, rng=self._rng)
            self._finish(lane, finished)
            note_outcome(lane, claimed, finished.outcome, rng=self._rng)

    def _patience(self) -> float:
        if not self.lanes:
            return IDLE_WAIT_SECONDS
        if self._is_feeding:
            return 0.0
        return max(0.0, min(self._settle_at, self._claim_at, self._hands.sweep_at) - time.monotonic())

    def _finish(self, lane: LeasedLane, finished: Finished) -> None:
        lane.finished.append(finished)
        self._unrecorded += 1
        # While a lane has more to send nobody waits for its release: larger batches are cheaper.
        patience = RECORD_AFTER_SECONDS if lane.drained or lane.stopped else RECORD_LATER_SECONDS
        self._settle_at = min(self._settle_at, time.monotonic() + patience)

    def _must_settle(self) -> bool:
        is_idle = bool(self.lanes) and not self._transfers.in_flight
        return is_idle or self._unrecorded >= conf.batch_size or time.monotonic() >= self._settle_at

    def _settle(self) -> None:
        """Record what is finished, and give back the lanes that are done."""
        now = time.monotonic()
        lanes = [lane for lane in self._hands.awake if lane.finished or is_done(lane, now)]
        released = [lane.endpoint_id for lane in lanes if is_done(lane, now)]
        disable = [(x, f.outcome.disable_reason) for x in lanes for f in x.finished if f.outcome.disable_reason]
        self._unrecorded, self._settle_at = 0, NEVER
        if not lanes:
            return
        self._patiently(lambda: record_outcomes(lanes, release=released))
        for lane, reason in disable:
            self._patiently(partial(disable_if_still_at, lane.endpoint_id, url=lane.target.url, reason=reason))
        self._let_go(released)

    def _let_go(self, endpoint_ids: Sequence[UUID]) -> None:
        """Forget lanes that were given back, and name those that got work between the last claim and the release."""
        self._hands.forget(endpoint_ids)
        if endpoint_ids:
            rows = self._patiently(lambda: sql.run("lanes_with_work", {"endpoint_ids": list(endpoint_ids)}))
            self._wake((row.endpoint_id, row.slow) for row in rows)

    def _renew(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + conf.lease_seconds / 3 if self.lanes else NEVER
        if held := self._hands.everything():
            self._patiently(lambda: renew_leases(held))

    def _patiently(self, act: Callable[[], Result]) -> Result:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        return patiently(
            act,
            meanwhile=self._keep_driving,
            give_up=lambda: self._stopping.is_set() and time.monotonic() > give_up_at,
        )

    def _keep_driving(self, seconds: float) -> None:
        """Take what answers come: they must not be lost, nor count as too late, because the database is away."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._ended += self._transfers.finish(wait_seconds=left, idle_too=True)
