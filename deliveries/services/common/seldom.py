"""What goes on for long is told once a minute: an error of each second would bury all else in the log.

What lives here: when each was told last. It must not know what is told, nor where.
"""

from __future__ import annotations

import time

EVERY_SECONDS = 60.0
MOST = 32  # that are remembered: some name a port of the moment


class Seldom:
    """Lets each thing be told once a minute; where very many are told at once, all of them may be told anew."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def lets(self, what: str = "", *, now: float | None = None) -> bool:
        """Say whether this may be told, which counts as told; `now` in seconds of a clock that is never set back."""
        now = time.monotonic() if now is None else now
        if what in self._told and now < self._told[what] + EVERY_SECONDS:
            return False
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[what] = now
        return True
