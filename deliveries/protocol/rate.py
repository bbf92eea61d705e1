"""The rate limit of an endpoint, as a token bucket.

What lives here: the arithmetic. It must not know the clock: elapsed time comes in.
"""

from __future__ import annotations

import math

_ROUNDING = 1e-6


def take(
    tokens: float, *, elapsed_seconds: float, rate_per_second: float, burst: float, wanted: int
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
