"""What a lane has learned of its receiver: whether it may be called, and how many requests at once.

What lives here: breaker and window, and what an outcome does to them. It must not know rests, deliveries or leases.
"""

from __future__ import annotations

import random

from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.when.breaker import (
    Breaker,
    after_answered_failure,
    after_no_answer,
    after_success,
    is_half_open,
)
from deliveries.protocol.when.rate import window_after


class Standing:
    """How one receiver stands, as one lease of its lane sees it."""

    def __init__(self, *, breaker: Breaker, window: int) -> None:
        self.breaker, self.window = breaker, window
        self._opened_at_lease = breaker.opened

    @property
    def is_half_open(self) -> bool:
        """Whether the next request is a probe, to be sent alone."""
        return is_half_open(self.breaker)

    def note_window(self, outcome: Outcome, *, max_in_flight: int) -> None:
        """Let the window grow with a good answer; one that told to slow down makes it small."""
        if outcome.healthy or outcome.told_to_slow_down:
            told = outcome.told_to_slow_down
            self.window = window_after(self.window, max_in_flight=max_in_flight, told_to_slow_down=told)

    def count_success(self) -> None:
        """Forget the failures: it is well."""
        self.breaker, self._opened_at_lease = after_success(self.breaker), 0

    def count_failure(self, outcome: Outcome, *, rests: bool, rng: random.Random) -> float:
        """Count a failure, and return for how many seconds to leave it alone.

        What was in flight together counts once: after the first of it the breaker has opened, or the lane `rests`.
        """
        seconds = 0.0
        if outcome.down:
            if self.breaker.opened <= self._opened_at_lease:
                self.breaker, seconds = after_no_answer(self.breaker, rng=rng)
            return seconds
        self._opened_at_lease = 0
        if rests:
            self.breaker = Breaker(self.breaker.failures)
        else:
            self.breaker, seconds = after_answered_failure(self.breaker, pause=outcome.pause, rng=rng)
        return seconds
