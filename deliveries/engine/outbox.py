"""Requests in flight: which delivery is sent next, and what came back.

What lives here: one multi, and who may start a request over it: one of each customer's lanes after the other, as far
as each lane allows and its customer's share goes. It must not judge an answer, nor record one.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import cast

from deliveries.engine import quarantine
from deliveries.engine.batch_lane import BatchLane
from deliveries.engine.batch_sender import make_bodies, send_batch
from deliveries.engine.bulk_gaps import BulkGaps
from deliveries.engine.database_retry import Retry
from deliveries.engine.judge import judge
from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.lane_table import LaneTable
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.making import Making, Ready
from deliveries.engine.phases import Phase
from deliveries.engine.sender import send
from deliveries.engine.tokens import TokenRequest, Tokens
from deliveries.engine.trouble import has_marked, open_transfers, pause_for_problem
from deliveries.engine.work import Claimed, Finished, Sent
from deliveries.errors import CannotShape, ClockOff, HookpostError
from deliveries.outbound.client import new_transfers
from deliveries.outbound.multi import Transfers
from deliveries.outbound.results import UNSENT
from deliveries.protocol.answers.answer import Answer
from deliveries.services.common.clock import SharedMoment
from deliveries.services.telling.alerts import tell_clock_off

Ended = tuple[Lane, Sent, Answer]


class Outbox:
    """The requests of one engine; `interrupt` is for other threads.

    `is_sure` says whether at this moment no lane can be in other hands for want of a beat.
    """

    def __init__(
        self,
        table: LaneTable,
        *,
        retry: Retry,
        is_sure: Callable[[], bool],
        clock: Callable[[], float],
        rng: random.Random,
        limits: Limits = LIMITS,
    ) -> None:
        self.feed_at = NEVER  # when more can be started without an answer
        self._table, self._retry, self._rng, self._limits = table, retry, rng, limits
        self._is_sure, self._clock = is_sure, clock
        self._new = partial(new_transfers, may_send=self._may_go)
        self._transfers: Transfers = self._new()
        self._came: list[tuple[object, Answer]] = []
        self._moment = SharedMoment(limits.one_moment)
        self._making = Making(retry=retry, tell=self.interrupt)
        self._failed: list[tuple[Lane, Finished]] = []
        self._tokens = Tokens()
        self.bulk = BulkGaps(limits)

    @property
    def in_flight(self) -> int:
        """How many requests have not come back, those included that wait for their transformation."""
        return self._transfers.in_flight + len(self._came) + self._making.transformed

    def interrupt(self) -> None:
        """Let `collect` return at once."""
        self._transfers.interrupt()

    def close(self) -> None:
        """End everything in flight."""
        self._transfers.close()
        self._making.clear()
        self._came.clear()
        self._failed.clear()
        self._tokens.clear()

    def open(self, stopping: threading.Event) -> None:
        """Open a multi in place of the closed one."""
        self._transfers = open_transfers(self._new, stopping) or self._transfers

    def gather(self) -> None:
        """Take what came, for the next `collect`: while the database is waited for, and without asking it anything."""
        self._came += self._transfers.finish(wait_seconds=0.0)
        self.interrupt()  # an interrupt may have been taken for ours

    def collect(self, *, wait_seconds: float) -> list[Ended]:
        """Return what ended, as soon as anything did."""
        ended: list[Ended] = []
        came, self._came = self._came, []
        came += self._transfers.finish(wait_seconds=0.0 if came else wait_seconds, idle_too=True)
        for tag, answer in came:
            if isinstance(tag, TokenRequest):
                ended += self._token_came(tag, answer)
                continue
            assert isinstance(tag, tuple)
            lane, sent = tag
            if answer is UNSENT:
                self._take_back(lane, [sent])
            else:
                self._give_back(lane, sent.claimed)
                ended.append((lane, sent, answer))
        return ended

    def _take_back(self, lane: Lane, unsent: Sequence[Sent], *, waits: bool = True) -> None:
        """Let what was in flight and not sent wait again, or be claimed again."""
        for sent in unsent:
            self._give_back(lane, sent.claimed)
            lane.note_unsent(sent.claimed)
        if waits:
            lane.put_back([member.claimed for sent in unsent for member in sent.members])
        self._table.activate(lane)

    def _token_came(self, asked: TokenRequest, answer: Answer) -> list[Ended]:
        """Let what waited for a token go on; without one, the first of it has failed and the rest stays due."""
        lane, failed = asked.lane, self._tokens.came(asked, answer, retry=self._retry)
        self._take_back(lane, asked.waiting[bool(failed) :], waits=failed is None)
        if failed is None:
            return []
        self._give_back(lane, asked.waiting[0].claimed)
        return [(lane, asked.waiting[0], failed)]

    def feed(self, now: float, *, sending: bool = True) -> list[tuple[Lane, Finished]]:
        """Start requests until nobody may send or enough were started; returns what failed before it was sent."""
        room, bytes_room, served = self._table.starts(), self._limits.bytes_a_step, list[Lane]()
        self.feed_at = NEVER
        self._moment.end()
        lines = self._table.lines(now, sending=sending)
        while room and bytes_room > 0 and lines:
            line = lines.popleft()
            lane = line.popleft()
            if self._may_send(lane, now):
                started = self._start_batch(lane, now) if isinstance(lane, BatchLane) else self._start(lane, now)
                served.append(lane)
                room, bytes_room = room - 1, bytes_room - started.body_bytes
                if lane.waiting:
                    line.append(lane)
            if line:
                lines.append(line)
        for made in self._making.finished():
            self._go_on(made, now, sending=sending)
        self._table.end_step(now, served=served)
        if lines:
            self.feed_at = now
        failed, self._failed = self._failed, []
        return failed

    def _is_ours(self, lane: Lane) -> bool:
        return self._is_sure() and self._clock() < lane.owned_until

    def _may_go(self, tag: object) -> bool:
        lane: Lane = tag[0] if isinstance(tag, tuple) else cast(TokenRequest, tag).lane
        return self._is_ours(lane) and lane.phase is not Phase.LOST

    def _may_send(self, lane: Lane, now: float) -> bool:
        table = self._table
        if now >= lane.until + self._limits.slice_seconds / 2:
            return False  # it had no room when its slice ended, and is configured anew before it sends
        seconds = lane.ready_in(now, crowded=table.in_flight.taken > self._limits.crowd)
        if seconds := seconds or self.bulk.wait_seconds(lane.customer_id, lane.waiting[0].rank, now):
            self.feed_at = min(self.feed_at, now + seconds)
            return False
        size = lane.bytes_next() if isinstance(lane, BatchLane) else lane.waiting[0].body_bytes
        return table.may_start(lane.customer_id, size) and (not lane.careful or quarantine.may_go(lane))

    def _start(self, lane: Lane, now: float) -> Claimed:
        claimed = lane.take_next(now)
        self._note_started(lane, claimed, now)
        if claimed.body is None:
            self._making.fetch_event(lane, claimed)
        else:
            self._send(lane, claimed, now)
        return claimed

    def _start_batch(self, lane: BatchLane, now: float) -> Claimed:
        claimed = self._making.gather(lane, lane.take_batch(now))
        self._note_started(lane, claimed, now)
        return claimed

    def _note_started(self, lane: Lane, claimed: Claimed, now: float) -> None:
        self._table.note_started(lane.customer_id, claimed.body_bytes)
        self.bulk.note(lane.customer_id, claimed.rank, now)

    def _go_on(self, made: Ready, now: float, *, sending: bool) -> None:
        """Send what waited; of a lane that sends nothing more, and at the end, it stays due."""
        lane, claimed, body = made.lane, made.claimed, made.body
        lane.note_unsent(claimed)
        self._table.activate(lane)
        if not sending or lane.phase not in (Phase.OPEN, Phase.EMPTY) or now >= lane.owned_until:
            self._give_back(lane, claimed)
        elif (size := made.outgrown()) and not self._table.recount(lane.customer_id, claimed, size):
            lane.put_back(made.without_bodies())
        elif made.batch:
            self._send_batch(lane, made.batch, now)
        elif isinstance(body, CannotShape):
            self._fail(lane, claimed, Answer(error=body.error, detail=body.detail), now)
        else:
            self._send(lane, claimed, now, made=body)

    def _send_batch(self, lane: Lane, sent: Sent, now: float) -> None:
        """Send what of a batch can be sent."""
        assert sent.batch is not None
        failed, left = make_bodies(sent.batch, lane.endpoint)
        for claimed, answer in failed:
            self._end(lane, claimed, answer, now)
        lane.put_back(left)
        if sent.batch.members:
            self._send(lane, sent.claimed, now, batch=sent)
        else:
            self._give_back(lane, sent.claimed)

    def _send(
        self, lane: Lane, claimed: Claimed, now: float, *, made: bytes | None = None, batch: Sent | None = None
    ) -> None:
        if not self._is_ready(lane, claimed, now, is_made=bool(batch) or made is not None):
            return
        try:
            moment = self._moment.now()
            if not self._is_ours(lane):  # since it was picked a statement took long
                self._put_back(lane, claimed, batch)
                return
            if batch is None:
                sent = send(lane, claimed, now=moment, transfers=self._transfers, made=made)
            else:
                sent = send_batch(lane, batch, now=moment, transfers=self._transfers)
        except ClockOff as error:  # the lane is well: another worker may have it at once
            self._give_back(lane, claimed)
            lane.close(now)
            self._retry(partial(tell_clock_off, error, part="worker"))
            return
        except HookpostError as error:
            self._give_back(lane, claimed)
            self._retry(partial(pause_for_problem, lane, now, reason=str(error)))
            return
        if isinstance(sent, Sent):
            lane.note_sent(sent)
        elif sent is None:
            waiting = batch or Sent(claimed=claimed, started_at=moment)
            lane.note_sent(waiting)
            self._tokens.want(lane, waiting, transfers=self._transfers)
        else:
            self._fail(lane, claimed, sent, now)

    def _is_ready(self, lane: Lane, claimed: Claimed, now: float, *, is_made: bool) -> bool:
        is_plain = lane.endpoint.shaping is None and claimed.api_version is None
        if not (is_plain or is_made) and self._is_made_first(lane, claimed, now):
            return False
        return not lane.careful or self._is_noted(lane, claimed, now)

    def _is_made_first(self, lane: Lane, claimed: Claimed, now: float) -> bool:
        """Say whether a delivery waits for a body that is made of its event, or has failed without a way there."""
        waits = self._making.begin(lane, claimed)
        if isinstance(waits, Answer):
            self._fail(lane, claimed, waits, now)
        return bool(waits)

    def _fail(self, lane: Lane, claimed: Claimed, answer: Answer, now: float) -> None:
        """End a delivery of which no request was made."""
        self._give_back(lane, claimed)
        self._end(lane, claimed, answer, now)

    def _end(self, lane: Lane, claimed: Claimed, answer: Answer, now: float) -> None:
        finished = judge(lane, Sent(claimed=claimed, started_at=datetime.now(UTC)), answer, rng=self._rng)
        if finished.outcome.slow and not lane.leased_slow:
            lane.move_to_slow(now)
        lane.keep_order(claimed, finished.outcome, now)
        self._failed.append((lane, finished))

    def _is_noted(self, lane: Lane, claimed: Claimed, now: float) -> bool:
        """Note a delivery that goes alone after a lost worker, in case this one is lost too; a poison ends here."""
        if quarantine.is_poison(lane, claimed):
            self._give_back(lane, claimed)
            self._failed.append((lane, quarantine.given_up(claimed, at=datetime.now(UTC))))
            return False
        losses = quarantine.losses_of(lane, claimed)
        is_marked = self._retry(partial(has_marked, lane, claimed, now, losses=losses))
        if not is_marked:
            self._give_back(lane, claimed)
        return is_marked

    def _put_back(self, lane: Lane, claimed: Claimed, batch: Sent | None) -> None:
        self._give_back(lane, claimed)
        lane.put_back([claimed] if batch is None else [member.claimed for member in batch.members])

    def _give_back(self, lane: Lane, claimed: Claimed) -> None:
        self._table.note_ended(lane.customer_id, claimed.body_bytes)
