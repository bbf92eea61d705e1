"""How long a thread waits for PostgreSQL: a server that is stopped, or cut off, never says that it will not answer.

What lives here: the moment at which this thread wants to have its answer. It must not know who waits, or for what.
"""

from __future__ import annotations

import math
import threading
import time


class _Mine(threading.local):
    deadline = math.inf
    is_urgent = False


_mine = _Mine()


def answered_within(seconds: float, *, urgent: bool = False) -> _Within:
    """Inside, all answers of the database together take at most so long; after that comes OperationalError.

    What is urgent does not wait until others give a connection back.
    """
    return _Within(seconds, urgent=urgent)


class _Within:
    __slots__ = ("_before", "_seconds", "_urgent")

    def __init__(self, seconds: float, *, urgent: bool) -> None:
        self._seconds, self._urgent = seconds, urgent

    def __enter__(self) -> None:
        before = self._before = _mine.deadline, _mine.is_urgent
        _mine.deadline = min(before[0], time.monotonic() + self._seconds)
        _mine.is_urgent = self._urgent or before[1]

    def __exit__(self, *raised: object) -> None:
        _mine.deadline, _mine.is_urgent = self._before


def seconds_left() -> float:
    """Return how much longer this thread waits; infinite where nobody said."""
    return max(0.0, _mine.deadline - time.monotonic())


def is_urgent() -> bool:
    """Say whether this thread takes a connection beyond the limit of its process."""
    return _mine.is_urgent
