"""Turns by who asks: one at a time, and of those who wait the one whose last turn is longest ago has the next.

What lives here: the lines, and who asks in this thread. It must not know what a turn is for, nor who asks besides.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asker: ContextVar[Hashable] = ContextVar("asker", default=None)


@contextmanager
def asking_for(asker: Hashable) -> Iterator[None]:
    """Within it, what this thread asks for stands in this asker's line; None is the operator's."""
    before = _asker.set(asker)
    try:
        yield
    finally:
        _asker.reset(before)


def asker() -> Hashable:
    """Return for whom this thread asks; None is the operator."""
    return _asker.get()


class Turns:
    """The lines of those who wait, and whether somebody has the turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_taken = False
        self._lines: dict[Hashable, deque[object]] = {}

    @contextmanager
    def turn(self, *, wait_seconds: float) -> Iterator[bool]:
        """Wait for this thread's turn; yields whether it came, which ends with the block."""
        came = self._wait(_asker.get(), wait_seconds)
        try:
            yield came
        finally:
            if came:
                self._end()

    def waiting(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._lines.values()))

    def _wait(self, asker: Hashable, seconds: float) -> bool:
        who = object()
        with self._changed:
            self._lines.setdefault(asker, deque()).append(who)
            came = self._changed.wait_for(lambda: self._is_next(who), timeout=seconds)
            line = self._lines[asker]
            line.remove(who)
            if came:
                self._is_taken = True
                self._lines[asker] = self._lines.pop(asker)  # behind the others
            if not line:
                del self._lines[asker]
        return came

    def _is_next(self, who: object) -> bool:
        return not self._is_taken and next(iter(self._lines.values()))[0] is who

    def _end(self) -> None:
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()
