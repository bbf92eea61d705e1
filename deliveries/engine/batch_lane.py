"""A lane whose endpoint wants several events in one request: what is due gathers in it until a batch is full or old.

What lives here: how many go together, and how long the first of them waits. Requests are what counts for its width, its
rate and its breaker. It must not know how a batch is written or answered. What gathers is not in flight: it stays due,
and is claimed anew with each slice, so that what was cancelled meanwhile is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.leased_endpoint import LeasedEndpoint, schedule_of
from deliveries.engine.phases import Phase
from deliveries.engine.work import BY_HAND, Claimed, Key
from deliveries.protocol.sending.batching import BODY_LIMIT_BYTES, FRAME_BYTES, largest_batch

LOOK_SECONDS = 0.05  # between two claims while a batch gathers: each reads what gathers once more
CLAIM_SECONDS = 0.02  # for the next claim, where the last one left something


class BatchLane(Lane):
    """One leased lane of an endpoint with a `batch_size` above 1."""

    in_batches = True

    def _take_nothing(self) -> None:
        super()._take_nothing()
        self._gathers_since = NEVER
        self._has_more = False
        self._next = 0  # how many of what waits go together
        self._is_full = False

    def add(self, claimed: Iterable[Claimed], *, emptied: bool, now: float) -> None:
        """Take deliveries that are due; the first of them begins a batch."""
        super().add(claimed, emptied=emptied, now=now)
        self._has_more = not emptied
        if self.waiting and self._gathers_since == NEVER:
            self._gathers_since = now
        self._measure()

    def configure(self, endpoint: LeasedEndpoint, now: float, *, lease_seconds: float) -> None:
        """Begin another slice, and claim anew what gathers."""
        super().configure(endpoint, now, lease_seconds=lease_seconds)
        self.recall()

    def put_back(self, claimed: Sequence[Claimed]) -> None:
        """Take back what was to be sent and was not."""
        super().put_back(claimed)
        self._gathers_since = min(self._gathers_since, self.looked_at)
        self._measure()

    def take_batch(self, now: float) -> list[Claimed]:
        """Take what goes together in the next request, and pay for that."""
        taken = [self.take_next(now), *(self.waiting.popleft() for _ in range(self._next - 1))]
        self._gathers_since = now if self.waiting else NEVER
        self._measure()
        return taken

    def bytes_next(self) -> int:
        """Return the size of the bodies that go together in the next request."""
        return sum([claimed.body_bytes for claimed, _ in zip(self.waiting, range(self._next), strict=False)])

    def ready_in(self, now: float, *, crowded: bool = False) -> float:
        """Return in how many seconds the next request may be sent; what somebody waits for gathers nothing."""
        wait = super().ready_in(now, crowded=crowded)
        if self._is_full or wait == NEVER or self.waiting[0].rank == BY_HAND:
            return wait
        seconds = self.endpoint.batch_wait_seconds
        if self._has_more:
            seconds = max(seconds, CLAIM_SECONDS)
        return max(wait, self._gathers_since + seconds - now)

    def wants_claim(self, now: float) -> bool:
        """Say whether to claim more to what gathers; often, but not for each event that comes."""
        if not self.waiting:
            return super().wants_claim(now)
        if self._is_full or len(self.waiting) >= self.endpoint.batch_size:
            return False
        return (self._has_more or now - self.looked_at >= LOOK_SECONDS) and self.may_claim(now)

    def wants_look(self, now: float) -> bool:
        """Say whether to ask again although nothing was due: also while a batch gathers."""
        late = now - self.looked_at >= self.limits.look_again
        return super().wants_look(now) or (late and self.phase is Phase.EMPTY and bool(self.waiting))

    def claim_limit(self, room: int) -> int:
        """Return how many deliveries to claim: two requests' worth, where more than one may go."""
        usual = super().claim_limit(room)
        return usual if self._goes_alone() else max(usual, min(room, 2 * self.endpoint.batch_size))

    def in_hand(self) -> set[Key]:
        """Return what is in flight or gathers: a claim brings it once more."""
        flying = {member.claimed.key for sent in self.in_flight.values() for member in sent.members}
        return flying | {claimed.key for claimed in self.waiting}

    def _goes_alone(self) -> bool:
        return bool(self.careful) or self.standing.is_half_open

    def _measure(self) -> None:
        """Find what goes together next: it ends before what may not be in so large a batch, or makes it too large."""
        limit, size, self._next = self.endpoint.batch_size, 0, 0
        alone = self._goes_alone()
        for claimed in self.waiting:
            limit, size = min(limit, 1 if alone else self._largest(claimed)), size + claimed.body_bytes + FRAME_BYTES
            if self._next and (self._next >= limit or size > BODY_LIMIT_BYTES):
                self._is_full = True
                return
            self._next += 1
            if self._next >= limit:
                break
        self._is_full = self._next >= limit

    def _largest(self, claimed: Claimed) -> int:
        if claimed.rank == BY_HAND:
            return 1
        tries = len(schedule_of(claimed, self.endpoint))
        return largest_batch(self.endpoint.batch_size, attempts=claimed.attempts, tries=tries)
