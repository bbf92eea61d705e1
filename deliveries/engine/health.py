"""What an answer means and does to its lane: breaker, rest, slowness, rate.

Changes the lane in memory; recording.py stores it. Sends nothing.
"""

from __future__ import annotations

import random
import time
from datetime import datetime

import structlog

from deliveries.engine.leases import Claimed, Finished, LeasedLane, postpone_redeliveries
from deliveries.protocol.answer import Answer
from deliveries.protocol.breaker import after_failure, after_success
from deliveries.protocol.outcome import REST_SECONDS, Outcome, decide
from deliveries.protocol.rate import take, wait_seconds
from deliveries.services.alerts import note_cannot_send

log = structlog.get_logger(__name__)

PROBLEM_REST_SECONDS = 60.0
ONLY_ONCE = (0,)
BY_HAND = 0  # the rank of what somebody waits for: neither rest nor rate hold it back
NOT_JUDGED = "the answer could not be judged; the worker's log says why"


def judge(lane: LeasedLane, claimed: Claimed, answer: Answer, *, started_at: datetime, rng: random.Random) -> Finished:
    """Return the attempt with what follows from its answer; one that nobody can judge has failed."""
    schedule = ONLY_ONCE if claimed.manual else lane.target.schedule
    done = claimed.attempts + 1
    try:
        outcome = decide(answer, schedule=schedule, attempts_done=done, now=started_at, rng=rng)
    except Exception:
        log.exception("answer_not_judged", delivery_id=str(claimed.delivery_id))
        answer = Answer(error="protocol_error", detail=NOT_JUDGED, duration_ms=answer.duration_ms)
        outcome = decide(answer, schedule=schedule, attempts_done=done, now=started_at, rng=rng)
    return Finished(claimed=claimed, started_at=started_at, answer=answer, outcome=outcome)


def note_outcome(lane: LeasedLane, claimed: Claimed, outcome: Outcome, *, rng: random.Random) -> None:
    """Keep count of failures, and let the lane stop and rest where the outcome asks for it."""
    rest = outcome.rest_seconds
    if outcome.healthy:
        lane.breaker = after_success(lane.breaker)
        lane.opened_at_lease = 0
    elif claimed.rank != BY_HAND and lane.breaker.opened == lane.opened_at_lease:
        # Requests that were in flight together fail together: that opens the breaker once. What people try by hand
        # does not count, or their trying would keep the retries waiting.
        lane.breaker, pause = after_failure(lane.breaker, rng=rng)
        rest = max(rest, pause)
    lane.slow = outcome.timed_out
    if rest or outcome.down or outcome.disable_reason:
        stop(lane, rest_seconds=rest)
    keep_order(lane, outcome)
    if claimed.manual and outcome.state == "succeeded":
        lane.rest_until = 0.0  # the fix is proven: no need to rest any longer


def keep_order(lane: LeasedLane, outcome: Outcome) -> None:
    """Let an ordered lane wait for a retry: nothing may overtake it."""
    if lane.target.ordered and outcome.state == "pending":
        stop(lane, rest_seconds=outcome.retry_in_seconds or 0.0)


def give_pause(lane: LeasedLane, *, reason: str) -> None:
    """Let a lane rest that cannot send anything as it is configured, and say so to log and operator."""
    log.error("lane_cannot_send", endpoint_id=str(lane.endpoint_id), reason=reason)
    stop(lane, rest_seconds=PROBLEM_REST_SECONDS)
    postpone_redeliveries(lane, seconds=PROBLEM_REST_SECONDS)
    if not lane.target.deleted:
        note_cannot_send(lane.endpoint_id, reason=reason)


def wait_for_sockets(lane: LeasedLane, *, reason: str, rng: random.Random) -> None:
    """Let a lane rest for want of a socket: no request was made, so breaker, schedule and log stay as they are."""
    if lane.stopped:
        return  # one reason is enough, however many requests found it
    seconds = REST_SECONDS * rng.uniform(0.5, 1.5)
    postpone_redeliveries(lane, seconds=seconds)
    stop(lane, rest_seconds=seconds)
    log.error("no_socket", endpoint_id=str(lane.endpoint_id), reason=reason)


def stop(lane: LeasedLane, *, rest_seconds: float) -> None:
    """Send nothing more of this lane before its next lease, and let it rest."""
    lane.stopped = True
    lane.waiting.clear()
    if rest_seconds:
        lane.rest_until = max(lane.rest_until, time.monotonic() + rest_seconds)


def pay(lane: LeasedLane) -> bool:
    """Take one token of the lane's rate limit; without one the lane stops until there is one again."""
    rate = lane.target.rate_limit
    if rate is None or lane.waiting[0].rank == BY_HAND:
        return True
    now = time.monotonic()
    granted, lane.tokens = take(
        lane.tokens, elapsed_seconds=now - lane.tokens_at, rate_per_second=rate, burst=rate, wanted=1
    )
    lane.tokens_at = now
    if not granted:
        stop(lane, rest_seconds=wait_seconds(lane.tokens, rate))
    return bool(granted)
