"""The breaker of a lane: when to leave an endpoint alone, and for how long.

What lives here: the counting, as pure functions from state to state. It must not know lanes, rows or clocks.

closed --5 failures in a row, the last of which found nobody there--> open (the lane rests) --rest is over--> half open
half open: one probe --anybody answers--> closed;  --again nobody there--> open, resting twice as long

An endpoint that answers 5xx is there: some events may fail and others not, so it stays closed to nobody. Its lane
pauses after each failure that calls for it, a quarter of a second at first, and longer the longer nothing else comes.
What was in flight when a pause began counts for nothing more, or pauses would grow with the width of a lane.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_REST_SECONDS = 5
LONGEST_REST_SECONDS = 300
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
FAILURES_TO_DOUBLE_A_PAUSE = 20
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Breaker:
    """Failures in a row, and how many times in a row the breaker opened since anybody answered."""

    failures: int = 0
    opened: int = 0


CLOSED = Breaker()


def after_success(breaker: Breaker) -> Breaker:
    """Return the breaker after an answer that shows health: closed, all counts forgotten."""
    return breaker if breaker == CLOSED else CLOSED


def after_answered_failure(breaker: Breaker, *, pause: bool, rng: random.Random) -> tuple[Breaker, float]:
    """Return the breaker after a 5xx or 429, and the seconds the lane pauses; `pause` says that one is enough."""
    failures = breaker.failures + 1
    if not pause and failures < FAILURES_TO_OPEN:
        return Breaker(failures), 0.0
    doublings = min(failures // FAILURES_TO_DOUBLE_A_PAUSE, 10)
    seconds = min(FIRST_PAUSE_SECONDS * 2.0**doublings, LONGEST_PAUSE_SECONDS)
    return Breaker(failures), seconds * rng.uniform(1 - JITTER, 1 + JITTER)


def after_no_answer(breaker: Breaker, *, rng: random.Random) -> tuple[Breaker, float]:
    """Return the breaker after a request that found nobody there, and the seconds the lane rests (0 while closed)."""
    failures = breaker.failures + 1
    if not is_half_open(breaker) and failures < FAILURES_TO_OPEN:
        return Breaker(failures), 0.0
    doublings = min(breaker.opened, 10)
    rest_seconds = min(FIRST_REST_SECONDS * 2**doublings, LONGEST_REST_SECONDS)
    return Breaker(failures, breaker.opened + 1), rest_seconds * rng.uniform(1 - JITTER, 1 + JITTER)


def is_half_open(breaker: Breaker) -> bool:
    """Say whether the next request is a probe, to be sent alone."""
    return breaker.opened > 0
