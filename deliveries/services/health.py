"""What an outcome does to its lane: breaker, rest, slowness. Changes the lane in memory; record_outcomes stores it."""

from __future__ import annotations

import random
import time

from deliveries.protocol.breaker import after_failure, after_success
from deliveries.protocol.outcome import Outcome
from deliveries.protocol.rate import take, wait_seconds
from deliveries.services.lanes import Claimed, LeasedLane


def note_outcome(lane: LeasedLane, claimed: Claimed, outcome: Outcome, *, rng: random.Random) -> None:
    """Keep count of failures, and let the lane stop and rest where the outcome asks for it."""
    rest = outcome.rest_seconds
    if outcome.healthy:
        lane.breaker, lane.healthy = after_success(lane.breaker), True
    elif lane.breaker.opened == lane.opened_at_lease:
        # Requests that were in flight together fail together: that opens the breaker once.
        lane.breaker, pause = after_failure(lane.breaker, rng=rng)
        lane.healthy, rest = False, max(rest, pause)
    lane.slow = outcome.timed_out
    if lane.target.ordered and outcome.state == "pending":
        rest = max(rest, outcome.retry_in_seconds or 0.0)
    if rest or outcome.down or outcome.disable_reason:
        stop(lane, rest_seconds=rest)
    if claimed.manual and outcome.state == "succeeded":
        lane.rest_until = 0.0  # the fix is proven: no need to rest any longer


def stop(lane: LeasedLane, *, rest_seconds: float) -> None:
    """Send nothing more of this lane before its next lease, and let it rest."""
    lane.stopped = True
    lane.waiting.clear()
    if rest_seconds:
        lane.rest_until = max(lane.rest_until, time.monotonic() + rest_seconds)


def pay(lane: LeasedLane) -> bool:
    """Take one token of the lane's rate limit; without one the lane stops until there is one again."""
    rate = lane.target.rate_limit
    if rate is None or lane.waiting[0].rank == 0:
        return True
    now = time.monotonic()
    granted, lane.tokens = take(
        lane.tokens, elapsed_seconds=now - lane.tokens_at, rate_per_second=rate, burst=rate, wanted=1
    )
    lane.tokens_at = now
    if not granted:
        stop(lane, rest_seconds=wait_seconds(lane.tokens, rate))
    return bool(granted)


def has_room(lane: LeasedLane) -> bool:
    """Say whether one more request may be in flight; one at most after a lost worker or as a probe."""
    alone = lane.crashes or lane.breaker.opened
    return len(lane.in_flight) < (1 if alone else lane.target.max_in_flight)
