"""The engine: one thread and one multi that drive all leased lanes of a process.

    tend -> take -> claim -> feed -> collect -> record, again and again

tend    prove that this worker lives, renew leases, begin new slices (upkeep.py)
take    lease lanes that messages named or that were found, with the first of what is due (leases.py)
claim   fetch more for lanes in hand that have little left
feed    start requests, one customer after the other, as far as each lane and each share allows (lane.py, sender.py)
collect take answers and judge them (protocol/answers/outcome.py, lane.py)
record  store what ended, and give back the lanes that are done (recorder.py)

A hanging receiver costs a slot in the multi, never a thread. What is wrong with one lane or delivery stays there.
Knows no broker: `wake` is told which lanes another engine shall have. No transaction is open.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import connection

from deliveries import sql
from deliveries.conf import conf
from deliveries.database.beside import working_beside
from deliveries.engine import quarantine
from deliveries.engine.database_retry import Refusals, retry_on_database_error
from deliveries.engine.intake import Intake
from deliveries.engine.judge import judge, judge_members
from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.lane_table import LaneTable
from deliveries.engine.leases import Leases
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.outbox import Ended, Outbox
from deliveries.engine.phases import Move, Phase
from deliveries.engine.record_columns import give_back_of
from deliveries.engine.recorder import Recorded, record_cut_off, record_unlocked
from deliveries.engine.tokens import forget_token, is_refused
from deliveries.engine.trouble import StandStill, wait_for_sockets
from deliveries.engine.unread_hints import UnreadHints
from deliveries.engine.upkeep import Upkeep
from deliveries.engine.work import Finished
from deliveries.protocol.answers.outcome import at_once, is_own_fault

log = structlog.get_logger(__name__)

Wake = Callable[[Iterable[tuple[UUID, bool]]], None]
Clock = Callable[[], float]
Result = TypeVar("Result")

RETRY_SECONDS = 20.0

_dice = random.SystemRandom()


class Engine:
    """The lanes in the hands of this process; `notify` is for other threads. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        *,
        wake: Wake,
        slow: bool = False,
        rng: random.Random | None = None,
        clock: Clock = time.monotonic,
        limits: Limits = LIMITS,
    ) -> None:
        self._wake, self._slow, self._rng, self._clock, self._limits = wake, slow, rng or _dice, clock, limits
        self._table = LaneTable(limits)
        self.lanes = self._table.lanes
        self._leases = Leases(slow=slow, limits=limits)
        self._intake = Intake(self._table, self._leases, retry=self._retry, limits=limits)
        self.agenda = self._intake.agenda
        self._upkeep = Upkeep(self._table, self._leases, retry=self._retry, clock=clock, limits=limits)
        self.unread = UnreadHints()
        self.outbox = Outbox(
            self._table, retry=self._retry, is_sure=self._upkeep.is_sure, clock=clock, rng=self._rng, limits=limits
        )  # fmt: skip
        self._ended: list[Ended] = []
        self._stopping = threading.Event()
        self._record_at = NEVER
        self._unrecorded, self._is_put_off, self._waited = 0, False, 0.0
        self._refusals, self._failures, self._stand_still = Refusals(), Refusals(), StandStill()

    def notify(self, endpoint_ids: Sequence[UUID]) -> None:
        """Say that these lanes have work, or with none that some have; returns at once."""
        self.unread.put(endpoint_ids)
        self.outbox.interrupt()

    def run(self, stopping: threading.Event) -> None:
        """Step until told to stop; then let requests in flight end for a moment, and give all lanes back."""
        self._stopping = stopping
        sql.wait_for_no_long_lock()
        with working_beside(self._do_beside):
            self._run(stopping)
        self._leases.end()
        connection.close()

    def _do_beside(self) -> None:
        self.outbox.gather()
        self._upkeep.beat_beside()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self.step()
                self._failures.forget()
            except Exception as error:
                seconds = self._failures.note("engine_failed", error)
                self.abandon()
                stopping.wait(seconds)
        try:
            self._wind_down()
        except Exception:
            log.exception("engine_failed")
        self.abandon()

    def step(self, *, sending: bool = True) -> None:
        """Go once around; waits only while nothing can be done."""
        began, self._waited = self._clock(), 0.0
        self._intake.note_all(self.unread.read())
        self._upkeep.tend()
        sending = sending and self._upkeep.may_sign
        if self._is_put_off:
            self._feed(sending=sending)
        if sending:
            self._take()
        self._feed(sending=sending)
        self._collect()
        if self._must_record() and not self.unread.goes_first():
            self._record()
        self.outbox.bulk.end_step(self._clock(), began=began + self._waited)

    def abandon(self) -> None:
        """End everything in flight after an error or at shut-down; the log keeps it, its deliveries stay due."""
        self.outbox.close()
        lanes = self._table.drop_everything()
        self._ended.clear()
        for lane in lanes:
            quarantine.cleared(lane)
        self._unrecorded, self._record_at = 0, NEVER
        with working_beside(None):
            self._give_up(lanes)
        self.outbox.open(self._stopping)

    def _give_up(self, lanes: Sequence[Lane]) -> None:
        try:
            now = self._clock()
            record_unlocked([lane for lane in lanes if lane.finished], now=now, give_back={}, clock=self._clock)
            record_cut_off(lanes, now=now)
        except Exception:
            log.exception("attempts_lost")
        self._upkeep.give_back(lanes)

    def _wind_down(self) -> None:
        log.info("engine_ending", in_flight=self.outbox.in_flight)
        give_up = self._clock() + self._limits.grace
        while (self.outbox.in_flight or self._ended) and self._clock() < give_up:
            self.step(sending=False)
        self._record()

    def _take(self) -> None:
        now = self._clock()
        came = self._intake.take(now)
        if self.unread and not came:  # named while found ones were leased: not behind all of those
            self._intake.note_all(self.unread.read())
            came = self.agenda.has_hints and self._intake.take(now)
        lanes = self._intake.to_claim(now)
        if came and lanes:
            self._feed(sending=True)  # somebody waits for these: before others are recorded and claimed for
        if any(lane.finished for lane in lanes):
            self._record()  # what is finished but not recorded is still due, and would be claimed again
            lanes = [lane for lane in lanes if lane.wants_claim(now)]
        if lanes:
            self._intake.claim(lanes, now)

    def _feed(self, *, sending: bool) -> None:
        now, self._is_put_off = self._clock(), not self._upkeep.is_sure()
        self._stand_still.note(now, is_put_off=self._is_put_off)
        if self._is_put_off:
            return  # a statement took long: the next step asks first whose the lanes are by now
        for lane, finished in self.outbox.feed(now, sending=sending):
            self._finish(lane, finished, now)
        if any(lane.is_done(now) for lane in self._table.active if not lane.waiting):
            self._record_at = min(self._record_at, now + self._limits.record_after)

    def _collect(self) -> None:
        ended, self._ended = self._ended, []
        began = self._clock()
        ended += self.outbox.collect(wait_seconds=0.0 if ended else self._wait_seconds())
        now = self._clock()
        self._waited = now - began
        for lane, sent, answer in ended:
            self._table.activate(lane)
            lane.note_ended(sent.claimed, now)
            if is_own_fault(answer):
                self._retry(partial(wait_for_sockets, lane, now, reason=answer.detail, rng=self._rng))
                continue
            finished = judge(lane, sent, answer, rng=self._rng)
            refused = bool(finished.outcome.error) and is_refused(lane, sent.claimed, answer)
            if refused:
                finished.outcome = at_once(finished.outcome)
                self._retry(partial(forget_token, lane))
            if sent.batch is None:
                self._finish(lane, finished, now)
            else:
                for each in judge_members(lane, sent, answer, again=refused, rng=self._rng):
                    self._finish(lane, each, now)
            lane.note_outcome(sent.claimed, finished.outcome, now=now, rng=self._rng)

    def _wait_seconds(self) -> float:
        self.unread.is_watched = True
        now = self._clock()
        at = min(self._record_at, self.outbox.feed_at, self._intake.next_at(now), self._upkeep.next_at)
        return max(0.0, min(at, now + self._limits.idle) - now)

    def _finish(self, lane: Lane, finished: Finished, now: float) -> None:
        lane.finish(finished)
        self._unrecorded += 1
        # While a lane has more to send nobody waits for its release: larger batches are cheaper.
        more = lane.phase is Phase.OPEN
        at_latest = self._limits.record_at_latest if more else self._limits.record_after
        self._record_at = min(self._record_at, now + at_latest)

    def _must_record(self) -> bool:
        is_idle = bool(self.lanes) and not self.outbox.in_flight
        return is_idle or self._unrecorded >= conf.batch_size or self._clock() >= self._record_at

    def _record(self) -> None:
        """Store what is finished, and give back the lanes that are done."""
        now = self._clock()
        lanes = [x for x in self._table.active if (now >= x.locked_until if x.finished else x.is_done(now))]
        self._unrecorded, self._record_at = 0, NEVER
        if lanes:
            self._record_each(lanes, now)
        self._record_at = min((lane.locked_until for lane in self._table.active if lane.finished), default=NEVER)

    def _record_each(self, lanes: Sequence[Lane], now: float) -> None:
        done = {lane.endpoint_id: give_back_of(lane, now) for lane in lanes if lane.is_done(now)}
        attempts = [(lane, finished) for lane in lanes for finished in lane.finished]
        # Nothing is sent until this has come about: what is not recorded would be sent again and again.
        recorded, left = self._refusals.insist(
            lambda: self._retry(lambda: record_unlocked(lanes, now=now, give_back=done, clock=self._clock)),
            event="attempts_refused", meanwhile=self._keep_driving, give_up=self._stopping.is_set,
        )  # fmt: skip
        for lane, finished in attempts:
            if lane not in left:
                self._follow_up(lane, finished, now)
        for lane in lanes:
            if lane.endpoint_id in done and lane not in left:
                self._let_go(lane, recorded.get(lane.endpoint_id), now)

    def _follow_up(self, lane: Lane, finished: Finished, now: float) -> None:
        """Disable the endpoint where the outcome says so, and remember a retry that is due soon."""
        outcome = finished.outcome
        if reason := outcome.disable_reason:
            self._upkeep.disabling.add(lane, reason=reason)
            self._retry(self._upkeep.disabling.act)
        elif outcome.retry_in_seconds is not None and outcome.retry_in_seconds <= self._limits.soon:
            self.agenda.later(lane.endpoint_id, now + outcome.retry_in_seconds)

    def _let_go(self, lane: Lane, recorded: Recorded | None, now: float) -> None:
        """Forget a lane that was given back or lost, and have it leased again where more is due."""
        if recorded and not recorded.released:
            lane.wake()  # something came between the last claim and the record
            return
        lane.move(Move.RELEASE)
        self._table.forget(lane)
        rest = lane.rest_seconds(now)
        if recorded and recorded.more:
            if lane.slow == self._slow and now < lane.until:
                self.agenda.hint([lane.endpoint_id])
            else:
                self._wake([(lane.endpoint_id, lane.slow)])  # to the end of the line, or to the other engine
        elif 0 < rest <= self._limits.soon:
            self.agenda.later(lane.endpoint_id, now + rest)

    def _retry(self, act: Callable[[], Result]) -> Result:
        give_up_at = time.monotonic() + RETRY_SECONDS
        return retry_on_database_error(
            act,
            meanwhile=self._keep_driving,
            give_up=lambda: self._stopping.is_set() and time.monotonic() > give_up_at,
        )

    def _keep_driving(self, seconds: float) -> None:
        """Take what answers come: they must not be lost, nor count as too late, because the database is away."""
        self._upkeep.doubt()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._ended += self.outbox.collect(wait_seconds=left)
