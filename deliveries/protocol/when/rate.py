"""How fast an endpoint is sent to: its rate limit as a token bucket, and the window that grows after a 429.

What lives here: the arithmetic. It must not know the clock: moments and elapsed time come in.
"""

from __future__ import annotations

import math

_ROUNDING = 1e-6
BURST_SECONDS = 0.05  # requests are spaced; at high rates, what a twentieth of a second allows goes together
NO_WINDOW = 0


def burst_of(rate_per_second: float) -> float:
    """Return how many requests may go at once after a pause."""
    return max(1.0, rate_per_second * BURST_SECONDS)


def take(
    tokens: float, *, elapsed_seconds: float, rate_per_second: float, burst: float, wanted: int = 1
) -> tuple[int, float]:
    """Refill for the elapsed time and take up to `wanted` whole tokens: (granted, tokens left)."""
    ceiling = max(1.0, burst)
    filled = min(ceiling, max(0.0, tokens) + max(0.0, elapsed_seconds) * rate_per_second)
    # A wait of exactly wait_seconds() must be enough, whatever floats make of it.
    granted = max(0, min(wanted, math.floor(filled + _ROUNDING)))
    return granted, max(0.0, filled - granted)


def wait_seconds(tokens: float, rate_per_second: float) -> float:
    """Return how long until one whole token is there; infinite when the rate is 0."""
    missing = 1.0 - tokens
    if missing <= _ROUNDING:
        return 0.0
    return missing / rate_per_second if rate_per_second > 0 else math.inf


class Bucket:
    """The tokens of one endpoint as they were at a moment, in seconds of one clock; each request costs one."""

    __slots__ = ("at", "tokens")

    def __init__(self, tokens: float, *, at: float) -> None:
        self.tokens, self.at = tokens, at

    def wait_seconds(self, now: float, rate_per_second: float) -> float:
        """Return how long until a request may go."""
        return wait_seconds(self.tokens + (now - self.at) * rate_per_second, rate_per_second)

    def pay(self, now: float, rate_per_second: float) -> None:
        """Take the token of a request."""
        burst, elapsed = burst_of(rate_per_second), now - self.at
        _, self.tokens = take(self.tokens, elapsed_seconds=elapsed, rate_per_second=rate_per_second, burst=burst)
        self.at = now


def window_after(window: int, *, max_in_flight: int, told_to_slow_down: bool) -> int:
    """Return how many requests may be in flight after an answer; NO_WINDOW: as many as the endpoint allows.

    After a 429 one, then one more for each good answer, until the endpoint's own limit is reached again.
    """
    if told_to_slow_down:
        return 1
    if window == NO_WINDOW or window + 1 >= max_in_flight:
        return NO_WINDOW
    return window + 1
