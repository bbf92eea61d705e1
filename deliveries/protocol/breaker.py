"""The breaker of a lane: when to leave an endpoint alone, and for how long.

What lives here: the counting, as pure functions from state to state. It must not know lanes, rows or clocks.

closed --5 failures in a row--> open (the lane rests) --rest is over--> half open: one probe
half open --probe answered--> closed;  half open --probe failed--> open, resting twice as long
"""

from __future__ import annotations

import random
from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_REST_SECONDS = 5
LONGEST_REST_SECONDS = 300
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Breaker:
    """Failures in a row, and how many times in a row the breaker opened since the last success."""

    failures: int = 0
    opened: int = 0


CLOSED = Breaker()


def after_success(breaker: Breaker) -> Breaker:
    """Return the breaker after an answer that shows life: closed, all counts forgotten."""
    return breaker if breaker == CLOSED else CLOSED


def after_failure(breaker: Breaker, *, rng: random.Random) -> tuple[Breaker, float]:
    """Return the breaker after a failure, and the seconds the lane rests (0 while closed)."""
    failures = breaker.failures + 1
    if not is_half_open(breaker) and failures < FAILURES_TO_OPEN:
        return Breaker(failures), 0.0
    doublings = min(breaker.opened, 10)
    rest_seconds = min(FIRST_REST_SECONDS * 2**doublings, LONGEST_REST_SECONDS)
    return Breaker(failures, breaker.opened + 1), rest_seconds * rng.uniform(1 - JITTER, 1 + JITTER)


def is_half_open(breaker: Breaker) -> bool:
    """Say whether the next request is a probe, to be sent alone."""
    return breaker.opened > 0
