"""A lane in the hands of this process: what is due for one endpoint, and how it may be sent.

Its phases and their chart are in phases.py. What lives here: the state of a lane, written by its own methods only, and
its rules. It must not know the database, libcurl or other lanes. Moments are on the engine's clock, in seconds.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from deliveries.engine.leased_endpoint import LeasedEndpoint
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.phases import MOVES, Move, Phase, Rest
from deliveries.engine.standing import Standing
from deliveries.engine.work import BY_HAND, Claimed, Finished, Key, Sent
from deliveries.metrics.names import LEASES_LOST
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.when.breaker import CLOSED, Breaker
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.when.rate import Bucket

NEVER = float("inf")


class Lane:
    """One leased lane."""

    in_batches = False

    def __init__(
        self,
        *,
        endpoint_id: UUID,
        customer_id: UUID,
        fence: int,
        worker_id: UUID,
        endpoint: LeasedEndpoint,
        now: float,
        lease_seconds: float,
        breaker: Breaker | None = None,
        slow: bool = False,
        crashes: int = 0,
        suspect_id: UUID | None = None,
        window: int = 0,
        tokens: float = 1.0,
        tokens_age: float = 0.0,
        rest_seconds: float = 0.0,
        rest_reason: str = "",
        limits: Limits = LIMITS,
    ) -> None:
        self.endpoint_id, self.customer_id, self.endpoint, self.limits = endpoint_id, customer_id, endpoint, limits
        self.fence, self.worker_id = fence, worker_id  # both make a lease: see sql/take_lanes.sql
        self.standing = Standing(breaker=breaker or CLOSED, window=window)
        self.slow = self.leased_slow = slow
        self.crashes, self.suspect_id = crashes, suspect_id
        self.careful = 2 * endpoint.max_in_flight if crashes else 0  # how many more go alone after a lost worker
        self.bucket = Bucket(tokens, at=now - max(0.0, tokens_age))  # below 0: the database's clock was set back
        self.rest_until, self.rest_reason = now + rest_seconds, rest_reason
        self.locked_until, self._locked_seconds = -NEVER, 0.0
        self.moved_at, self.looked_at, self.until = now, now, now + limits.slice_seconds
        self.renew(now, lease_seconds=lease_seconds)
        self._take_nothing()

    def _take_nothing(self) -> None:
        self.phase = Phase.OPEN
        self.waiting: deque[Claimed] = deque()
        self.in_flight: dict[Key, Sent] = {}
        self.finished: list[Finished] = []
        self.claims, self._quick_claims, self.answers, self.preparing = 0, 0, 0, 0  # preparing: to be made yet

    # Moves.

    def move(self, move: Move) -> None:
        """Make a move; raises KeyError for one that the chart does not have."""
        self.phase = MOVES[self.phase, move]

    def wake(self) -> None:
        """Something may have become due."""
        if self.phase is not Phase.RELEASED:
            self.move(Move.WAKE)

    def close(self, now: float, *, rest_seconds: float = 0.0, reason: str = "") -> None:
        """Send nothing more before the next lease, and rest; what waits stays due."""
        self.move(Move.CLOSE)
        self.waiting.clear()
        self._rest(now, rest_seconds, reason)

    def pause(self, now: float, *, seconds: float, reason: str) -> None:
        """Leave the endpoint alone for a while: a short one passes in hand."""
        if seconds > self.limits.keep_in_hand:
            self.close(now, rest_seconds=seconds, reason=reason)
        else:
            self._rest(now, seconds, reason)

    def lose(self) -> None:
        """Note that another worker has the lane; records of what was in flight say so again."""
        if self.phase is not Phase.LOST:
            LEASES_LOST.add()
        self.move(Move.LOSE)
        self.waiting.clear()

    def configure(self, endpoint: LeasedEndpoint, now: float, *, lease_seconds: float) -> None:
        """Begin another slice, as the endpoint is configured now."""
        self.endpoint = endpoint
        self.until = now + self.limits.slice_seconds
        self.renew(now, lease_seconds=lease_seconds)
        if not endpoint.enabled or endpoint.in_batches != self.in_batches:
            self.close(now)

    def recall(self) -> None:
        """Have what waits claimed anew."""
        if self.phase in (Phase.OPEN, Phase.EMPTY):
            self.waiting.clear()
            self.wake()

    def use(self, endpoint: LeasedEndpoint) -> None:
        """Go on with another access token, or without one."""
        self.endpoint = endpoint

    def renew(self, now: float, *, lease_seconds: float) -> None:
        """The lease goes on for so long from now on."""
        self.lease_seconds, self.owned_until = lease_seconds, now + lease_seconds

    # What may be done now.

    def width(self, *, crowded: bool = False) -> int:
        """Return how many requests may be in flight.

        One after a lost worker, as a probe and, where many are in flight already, until the first answer: when
        thousands of endpoints hang at the same time, all together leave room for those that do not.
        """
        if self.careful or self.standing.is_half_open or (crowded and not self.answers):
            return 1
        return self.standing.window or self.endpoint.max_in_flight

    def has_room(self, *, crowded: bool = False) -> bool:
        """Say whether one more request may be in flight."""
        return len(self.in_flight) < self.width(crowded=crowded)

    def wants_claim(self, now: float) -> bool:
        """Say whether to claim; only half empty, so that one claim fetches many."""
        return not self.waiting and self.may_claim(now)

    def may_claim(self, now: float) -> bool:
        """Say whether the lane has room for what a claim would bring."""
        if self.phase is not Phase.OPEN or now >= self.until or now < self.locked_until:
            return False
        if 0.0 < self.rest_seconds(now) <= self.limits.keep_in_hand:
            return False  # a short pause passes in hand; in a long one there is what was asked for by hand
        return 2 * len(self.in_flight) <= self.width() and self.has_room()

    def wants_look(self, now: float) -> bool:
        """Say whether to ask again although nothing was due: the message may have gone to another worker."""
        late = now - self.looked_at >= self.limits.look_again
        return late and self.phase is Phase.EMPTY and bool(self.in_flight) and self.has_room()

    def wants_refresh(self, now: float, *, crowded: bool = False) -> bool:
        """Say whether the lane is to go on freshly configured: its slice is over, and something may be sent or made."""
        late = now >= self.until + self.limits.slice_seconds / 4 and self.phase in (Phase.OPEN, Phase.EMPTY)
        return late and bool(self.in_flight or self.waiting) and (self.preparing > 0 or self.has_room(crowded=crowded))

    def is_done(self, now: float) -> bool:
        """Say whether the lane is to be given back."""
        is_over = self.phase is not Phase.OPEN or now >= self.until
        return is_over and not (self.in_flight or self.waiting) and now >= self.locked_until

    def note_locked(self, now: float) -> None:
        """Send and record nothing for a while, each time for longer: somebody else keeps one of its rows locked."""
        self.waiting.clear()
        self._locked_seconds = min(max(0.5, 2 * self._locked_seconds), self.limits.soon)
        self.locked_until = now + self._locked_seconds

    def only_waits(self, now: float) -> bool:
        """Say whether nothing can be done before an answer comes or a moment has come."""
        is_idle = bool(self.in_flight) and now - self.moved_at > self.limits.still
        return is_idle and not (self.finished or self.wants_claim(now))

    def favour(self) -> int:
        """Return the rank that a claim takes first: retries and bulk have their turns, however small the room."""
        number = self.fence + self.claims
        if self.endpoint.ordered and not self.endpoint.set_aside_after:
            return 1
        return 2 if number % 4 == 1 else 3 if number % 8 == 3 else 1

    def first_limit(self, room: int) -> int:
        """Return how many deliveries come with the lease at most, as sql/take_lanes.sql has it."""
        if self.careful or self.standing.is_half_open:
            return 1
        return min(room, max(self.limits.first_claim, 2 * self.endpoint.max_in_flight), self.endpoint.a_second)

    def claim_limit(self, room: int) -> int:
        """Return how many deliveries to claim: the more, the longer the lane shows that it can send them."""
        if self.careful or self.standing.is_half_open:
            return 1
        start = max(self.limits.first_claim, 2 * (self.standing.window or self.endpoint.max_in_flight))
        return min(room, start << 2 * min(self._quick_claims, 8), self.endpoint.a_second)

    def rest_seconds(self, now: float) -> float:
        """Return how much longer the lane is to rest; 0 when it does not."""
        return max(0.0, self.rest_until - now)

    # Sending and judging.

    def add(self, claimed: Iterable[Claimed], *, emptied: bool, now: float) -> None:
        """Take deliveries that are due; `emptied`: there was nothing more."""
        self.waiting.extend(claimed)
        self._quick_claims += now - self.looked_at < self.limits.keeps_up
        self.claims, self.looked_at = self.claims + 1, now
        if emptied and self.phase is Phase.OPEN:
            self.move(Move.EMPTY)

    def ready_in(self, now: float, *, crowded: bool = False) -> float:
        """Return in how many seconds the next delivery may be sent; NEVER: not before an answer comes."""
        if not self.waiting or len(self.in_flight) >= self.width(crowded=crowded):
            return NEVER
        if self.waiting[0].rank == BY_HAND:
            return 0.0
        wait, rate = self.rest_seconds(now), self.endpoint.rate_limit
        return wait if rate is None else max(wait, self.bucket.wait_seconds(now, rate))

    def take_next(self, now: float) -> Claimed:
        """Take the next delivery to be sent, and pay for it."""
        claimed = self.waiting.popleft()
        if (rate := self.endpoint.rate_limit) is not None and claimed.rank != BY_HAND:
            self.bucket.pay(now, rate)
        return claimed

    def note_sent(self, sent: Sent) -> None:
        """Remember a request in flight."""
        self.in_flight[sent.claimed.key] = sent
        self.preparing += not sent.request_headers

    def put_back(self, claimed: Sequence[Claimed]) -> None:
        """Take back what was to be sent and was not, at its old place; a lane that is closed or lost lets it go."""
        if self.phase in (Phase.OPEN, Phase.EMPTY):
            self.waiting.extendleft(reversed(claimed))

    def note_unsent(self, claimed: Claimed) -> Sent:
        """Forget a request that was not started after all."""
        sent = self.in_flight.pop(claimed.key)
        self.preparing -= not sent.request_headers
        return sent

    def note_ended(self, claimed: Claimed, now: float) -> Sent:
        """Forget a request that is in flight no longer."""
        self.answers, self.moved_at = self.answers + 1, now
        return self.note_unsent(claimed)

    def finish(self, finished: Finished) -> None:
        """Keep an attempt until it is recorded."""
        self.finished.append(finished)

    def note_recorded(self, now: float) -> None:
        """What was finished is stored, and the lease goes on from now on."""
        self.owned_until, self._locked_seconds = now + self.lease_seconds, 0.0
        self.careful = max(0, self.careful - len(self.finished))
        self.finished.clear()

    def note_outcome(self, claimed: Claimed, outcome: Outcome, *, now: float, rng: random.Random) -> None:
        """Count what came of an attempt; close or pause where it asks for that."""
        self.slow = outcome.slow
        self.standing.note_window(outcome, max_in_flight=self.endpoint.max_in_flight)
        if outcome.healthy:
            self.standing.count_success()
        elif claimed.rank != BY_HAND:
            self._count_failure(outcome, now=now, rng=rng)  # what people try by hand must not keep retries waiting
        if outcome.rest_seconds:
            self.pause(now, seconds=outcome.rest_seconds, reason=Rest.ASKED)
        if outcome.down or outcome.disable_reason or self.slow != self.leased_slow:
            self.close(now)
        self.keep_order(claimed, outcome, now)
        if claimed.manual and outcome.state == DeliveryState.SUCCEEDED:
            self.rest_until = now  # the fix is proven: no need to rest any longer

    def move_to_slow(self, now: float) -> None:
        """Let the other engine have the lane."""
        self.slow = True
        self.close(now)

    def keep_order(self, claimed: Claimed, outcome: Outcome, now: float) -> None:
        """Let an ordered lane wait for a retry that nothing may overtake."""
        if outcome.state == DeliveryState.PENDING and self.endpoint.holds_up(claimed):
            self.close(now, rest_seconds=outcome.retry_in_seconds or 0.0, reason=Rest.ORDER)

    def _count_failure(self, outcome: Outcome, *, now: float, rng: random.Random) -> None:
        seconds = self.standing.count_failure(outcome, rests=now < self.rest_until, rng=rng)
        if seconds and outcome.down:
            self.close(now, rest_seconds=seconds, reason=Rest.DOWN)
        elif seconds:
            self.pause(now, seconds=seconds, reason=Rest.ASKED if outcome.told_to_slow_down else Rest.FAILING)

    def _rest(self, now: float, seconds: float, reason: str) -> None:
        if seconds and now + seconds > self.rest_until:
            self.rest_until, self.rest_reason = now + seconds, reason
