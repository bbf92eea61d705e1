"""How much is under way at once: what a lane may send or claim now, and how many lanes an engine drives.

What lives here: limits and the questions that heed them. Sends nothing, claims nothing, knows no answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from deliveries.conf import conf
from deliveries.engine.leases import LeasedLane

ROOM_AT_LEAST = 20
CLAIM_BYTES = 16_777_216
BUSY_LANES_LIMIT = 32
IN_FLIGHT_LIMIT = 5000
CROWDED = 1000
STARTS_AT_ONCE = 64  # then answers are looked at: the next requests go over the connections that they free
STILL_SECONDS = 0.03


def has_room(lane: LeasedLane, *, in_flight: int = 0) -> bool:
    """Say whether one more request of the lane may be in flight, next to those of the whole engine.

    One at most after a lost worker or as a probe, and, where many are in flight already, until its first answer: when
    thousands of endpoints hang at the same time, all together leave room for those that do not.
    """
    alone = lane.careful or lane.breaker.opened or (in_flight > CROWDED and not lane.answers)
    return len(lane.in_flight) < (1 if alone else lane.target.max_in_flight)


def is_hungry(lane: LeasedLane, now: float) -> bool:
    """Say whether to claim for the lane; only half empty, so that one claim fetches many."""
    spent = lane.waiting or lane.stopped or lane.drained or now >= lane.until
    return not spent and has_room(lane) and 2 * len(lane.in_flight) <= lane.target.max_in_flight


def is_done(lane: LeasedLane, now: float) -> bool:
    """Say whether the lane is to be given back."""
    return not lane.in_flight and not lane.waiting and (lane.stopped or lane.drained or now >= lane.until)


def is_still(lane: LeasedLane, now: float) -> bool:
    """Say whether the lane only waits for its receiver: until an answer comes or its time is over."""
    waits = bool(lane.in_flight) and not lane.finished and not is_hungry(lane, now)
    return waits and now - lane.moved_at > STILL_SECONDS


def busy(lanes: Iterable[LeasedLane]) -> int:
    """Count the lanes that have something to send or to claim."""
    return sum(1 for lane in lanes if lane.waiting or not lane.claims)


def claim_room(lanes: int, *, body_bytes: int) -> int:
    """Return how many deliveries to claim for each of so many lanes, of bodies with so many bytes on average."""
    room = max(2 * conf.batch_size // lanes, ROOM_AT_LEAST)
    return max(1, min(room, CLAIM_BYTES // (body_bytes * lanes)))
