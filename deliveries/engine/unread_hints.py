"""What other threads tell an engine, and how long the engine leaves it unread.

What lives here: the hand-over. An engine reads once in each of its steps; who has a hint for one that is busy waits for
that a little, so that the next hint goes to a worker that is free. What has come in the meantime nobody was free for:
it is handed over without waiting again. It must not know what a hint means.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

CATCH_UP_SECONDS = 0.005  # after a wait, in which some twenty hints are taken out of the broker
MOST = 1000  # then the engine looks for itself: while it stands still messages may come without end


class UnreadHints:
    """Hints that are not read yet. `is_watched` while the engine waits, and reads at once what comes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_watched = False
        self._clock, self._waited_at = clock, -CATCH_UP_SECONDS
        self._hints: deque[Sequence[UUID]] = deque()
        self._is_read = threading.Event()
        self._went_first = False

    def __bool__(self) -> bool:
        return bool(self._hints)

    def put(self, endpoint_ids: Sequence[UUID]) -> None:
        """Leave a hint. The last for which there is room says that some lanes have work, for all after it too."""
        unread = len(self._hints)
        if unread < MOST:
            self._hints.append(endpoint_ids if unread < MOST - 1 else ())

    def read(self) -> Iterator[Sequence[UUID]]:
        """Take out all hints; for the engine, which has something else to do from now on."""
        self.is_watched = False
        while self._hints:
            yield self._hints.popleft()
        if not self._is_read.is_set():  # nobody waits, most often, and setting costs five times as much as asking
            self._is_read.set()

    def await_reading(self, seconds: float) -> None:
        """Wait until all is read, so long at most; not where the engine does nothing, nor just after a wait."""
        if self._hints and not self.is_watched and self._clock() - self._waited_at >= CATCH_UP_SECONDS:
            self._is_read.clear()
            if self._hints:
                self._is_read.wait(seconds)
            self._waited_at = self._clock()

    def goes_first(self) -> bool:
        """Say whether what is here is read before others' answers are recorded: it is once, and then they are."""
        self.is_watched = False
        self._went_first = bool(self._hints) and not self._went_first
        return self._went_first
