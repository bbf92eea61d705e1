"""A turn: lanes leased together, sent over one multi, recorded in batches, given back when empty.

    claim -> feed -> collect -> record -> retire, until no lane is left or the slice is over

Knows no broker: lanes that want another turn are named to `wake`. No transaction is open here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from deliveries import sql
from deliveries.conf import conf
from deliveries.models import Endpoint
from deliveries.outbound.client import new_transfers
from deliveries.outbound.transfers import Transfers
from deliveries.protocol.answer import Answer
from deliveries.protocol.breaker import after_failure, after_success
from deliveries.protocol.outcome import Outcome, decide
from deliveries.protocol.rate import take, wait_seconds
from deliveries.services import endpoints
from deliveries.services.lanes import (
    Claimed,
    Finished,
    LeasedLane,
    claim_batch,
    lease_lanes,
    mark_suspect,
    record_outcomes,
    release_lanes,
    renew_leases,
)
from deliveries.services.prepare import prepare_delivery

log = structlog.get_logger(__name__)

Wake = Callable[[Iterable[tuple[UUID, bool]]], None]
Tag = tuple[LeasedLane, Claimed, datetime]

SLICE_SECONDS = 1.0
RECORD_AFTER_SECONDS = 0.05
LOSSES_OF_A_POISON = 4
PROBLEM_REST_SECONDS = 60.0
RECORD_PATIENCE_SECONDS = 20.0
ONLY_ONCE = (0,)
IDLE_LIMIT = 16
ROOM_AT_LEAST = 20
CLAIM_BYTES = 16_777_216

_idle: list[Transfers] = []
_dice = random.SystemRandom()


class Turn:
    """The lanes of one message while one thread drives them. Hand it to another thread only between steps."""

    def __init__(self, endpoint_ids: Sequence[UUID], *, slow: bool, wake: Wake, rng: random.Random | None = None):
        self._owned_until = time.monotonic() + conf.lease_seconds
        self.lanes = {lane.endpoint_id: lane for lane in lease_lanes(endpoint_ids, slow=slow)}
        self._transfers = _idle.pop() if _idle else new_transfers()
        self._wake = wake
        self._rng = rng or _dice
        self._body_bytes = 1024  # of one event, as the last claim had them on average
        self._record_at = 0.0
        self._unrecorded = 0

    @property
    def is_over(self) -> bool:
        """True when every lane was given back."""
        return not self.lanes

    @property
    def in_flight(self) -> int:
        """Requests that have not ended."""
        return self._transfers.in_flight

    def run(self, *, seconds: float = SLICE_SECONDS) -> bool:
        """Drive until all lanes are empty (True) or the slice is over and only hanging requests are left (False)."""
        until = time.monotonic() + seconds
        while self.lanes:
            self.step(claiming=time.monotonic() < until)
            if time.monotonic() > until + RECORD_AFTER_SECONDS and self.in_flight:
                break
        if self.lanes:
            return False
        self.close()
        return True

    def step(self, *, claiming: bool, wait: float = RECORD_AFTER_SECONDS) -> None:
        """Go once around: claim, feed, collect, record, retire."""
        if claiming:
            self._claim()
        self._feed(claiming)
        self._collect(wait)
        if self._unrecorded and (self._due_to_record() or not self.in_flight):
            self._record()
        self._retire(claiming)

    def heartbeat(self) -> None:
        """Renew the leases of all lanes still held."""
        moment = time.monotonic()
        if held := list(self.lanes.values()):
            renew_leases(held)
            self._owned_until = moment + conf.lease_seconds

    def close(self, *, reuse: bool = True) -> None:
        """Give the connections back; what is in flight is ended, and its lanes' deliveries stay due."""
        if reuse and not self._transfers.in_flight and len(_idle) < IDLE_LIMIT:
            _idle.append(self._transfers)
        else:
            self._transfers.close()

    def abandon(self) -> None:
        """End the turn after an error or at shut-down: lanes are given back as they are."""
        self.close(reuse=False)
        held = list(self.lanes.values())
        self.lanes.clear()
        if held:
            with suppress(DatabaseError):  # the leases end by themselves
                release_lanes(held)

    def _claim(self) -> None:
        hungry = [lane for lane in self.lanes.values() if _is_hungry(lane)]
        if not hungry:
            return
        if any(lane.finished for lane in hungry):
            self._record()  # what is finished but not recorded is still due, and would be claimed again
        room = max(2 * conf.batch_size // len(hungry), ROOM_AT_LEAST)
        claim_batch(hungry, room=max(1, min(room, CLAIM_BYTES // (self._body_bytes * len(hungry)))))
        bodies = [len(claimed.body) for lane in hungry for claimed in lane.waiting]
        self._body_bytes = max(1024, sum(bodies) // (len(bodies) or 1))

    def _feed(self, claiming: bool) -> None:
        # A process that was frozen wakes up here: what it claimed belongs to another worker by now.
        ours = claiming and time.monotonic() < self._owned_until
        for lane in self.lanes.values():
            if lane.waiting and (lane.stopped or not ours or not self._may_send(lane)):
                lane.waiting.clear()
            while lane.waiting and _has_room(lane) and not lane.stopped:
                if not self._pay(lane):
                    lane.waiting.clear()
                    break
                self._send(lane, lane.waiting.popleft())

    def _may_send(self, lane: LeasedLane) -> bool:
        if lane.target.deleted or lane.target.problem:
            log.error("lane_cannot_send", endpoint_id=str(lane.endpoint_id), reason=lane.target.problem or "deleted")
            self._stop(lane, rest=PROBLEM_REST_SECONDS)
            return False
        return True

    def _pay(self, lane: LeasedLane) -> bool:
        rate = lane.target.rate_limit
        if rate is None or lane.waiting[0].rank == 0:
            return True
        now = time.monotonic()
        granted, lane.tokens = take(
            lane.tokens, elapsed_seconds=now - lane.tokens_at, rate_per_second=rate, burst=rate, wanted=1
        )
        lane.tokens_at = now
        if not granted:
            self._stop(lane, rest=wait_seconds(lane.tokens, rate))
        return bool(granted)

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
        self._finished(lane, Finished(claimed=claimed, started_at=datetime.now(UTC), answer=answer, outcome=outcome))

    def _collect(self, wait: float) -> None:
        for tag, answer in self._transfers.finish(wait_seconds=wait):
            lane, claimed, started_at = cast(Tag, tag)
            lane.in_flight.discard(claimed.key)
            self._judge(lane, claimed, started_at, answer)

    def _judge(self, lane: LeasedLane, claimed: Claimed, started_at: datetime, answer: Answer) -> None:
        outcome = decide(
            answer,
            schedule=ONLY_ONCE if claimed.manual else lane.target.schedule,
            attempts_done=claimed.attempts + 1,
            now=started_at,
            rng=self._rng,
        )
        self._finished(lane, Finished(claimed=claimed, started_at=started_at, answer=answer, outcome=outcome))
        self._note_health(lane, outcome)
        if lane.target.ordered and outcome.state == "pending":
            self._stop(lane, rest=outcome.retry_in_seconds or 0.0)
        if outcome.disable_reason:
            self._stop(lane, rest=0.0)
        if claimed.manual and outcome.state == "succeeded":
            lane.rest_until = 0.0  # the fix is proven: no need to rest any longer

    def _finished(self, lane: LeasedLane, finished: Finished) -> None:
        lane.finished.append(finished)
        if not self._unrecorded:
            self._record_at = time.monotonic() + RECORD_AFTER_SECONDS
        self._unrecorded += 1

    def _note_health(self, lane: LeasedLane, outcome: Outcome) -> None:
        rest = outcome.rest_seconds
        if outcome.healthy:
            lane.breaker, lane.healthy = after_success(lane.breaker), True
        elif lane.breaker.opened == lane.opened_at_lease:
            # Requests that were in flight together fail together: that opens the breaker once.
            lane.breaker, pause = after_failure(lane.breaker, rng=self._rng)
            lane.healthy, rest = False, max(rest, pause)
        lane.slow = outcome.timed_out
        if rest or outcome.down:
            self._stop(lane, rest=rest)

    def _stop(self, lane: LeasedLane, *, rest: float) -> None:
        lane.stopped = True
        lane.waiting.clear()
        lane.rest_until = max(lane.rest_until, time.monotonic() + rest) if rest else lane.rest_until

    def _due_to_record(self) -> bool:
        return self._unrecorded >= conf.batch_size or time.monotonic() >= self._record_at

    def _record(self) -> None:
        lanes = [lane for lane in self.lanes.values() if lane.finished]
        leaving = {lane.endpoint_id: lane.slow for lane in lanes if _is_done(lane, claiming=True)}
        disable = {
            x.endpoint_id: f.outcome.disable_reason for x in lanes for f in x.finished if f.outcome.disable_reason
        }
        _persist(lambda: record_outcomes(lanes, release=leaving))
        self._unrecorded = 0
        for endpoint_id, reason in disable.items():
            endpoints.disable_endpoint(Endpoint.objects.get(id=endpoint_id), actor="system", reason=reason)
        self._let_go(leaving)

    def _retire(self, claiming: bool) -> None:
        done = [lane for lane in self.lanes.values() if not lane.finished and _is_done(lane, claiming=claiming)]
        if done:
            released = [lane.endpoint_id for lane in done]
            _persist(lambda: record_outcomes(done, release=released))
            self._let_go(released)

    def _let_go(self, endpoint_ids: Iterable[UUID]) -> None:
        """Forget lanes that were given back, and name those that got work between the last claim and the release."""
        released = list(endpoint_ids)
        for endpoint_id in released:
            del self.lanes[endpoint_id]
        if released:
            rows = sql.run("lanes_with_work", {"endpoint_ids": released})
            self._wake((row.endpoint_id, row.slow) for row in rows)


def _has_room(lane: LeasedLane) -> bool:
    alone = lane.crashes or lane.breaker.opened
    return len(lane.in_flight) < (1 if alone else lane.target.max_in_flight)


def _is_hungry(lane: LeasedLane) -> bool:
    # Only half empty, so that one claim fetches many.
    return not (lane.waiting or lane.stopped or lane.drained) and 2 * len(lane.in_flight) <= lane.target.max_in_flight


def _is_done(lane: LeasedLane, *, claiming: bool) -> bool:
    return not lane.in_flight and not lane.waiting and (lane.stopped or lane.drained or not claiming)


def _persist(write: Callable[[], None]) -> None:
    """Keep trying while the database is away: what came back from endpoints must not be lost with it."""
    give_up = time.monotonic() + RECORD_PATIENCE_SECONDS
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > give_up:
                raise
            time.sleep(0.25)
