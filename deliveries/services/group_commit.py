"""Group commit: callers that come at the same time share one statement.

What lives here: who leads, who waits. It must not know what is committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _Waiter(Generic[Item]):
    """One caller. Each waits for a signal of its own: one lock for all would let them through one by one."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.signal = threading.Lock()
        self.signal.acquire()


class GroupCommit(Generic[Item]):
    """Commits the items of concurrent callers together; one of them leads, and hands over to one who came meanwhile."""

    def __init__(self, commit: Callable[[Sequence[Item]], None], *, limit: int) -> None:
        self._commit, self._limit = commit, limit
        self._waiting: list[_Waiter[Item]] = []
        self._is_led = False
        self._lock = threading.Lock()

    def submit(self, item: Item) -> None:
        """Return when the item was committed, by this caller or by another; an error is raised in the leader only."""
        waiter = _Waiter(item)
        if not self._join(waiter):
            waiter.signal.acquire()
            if waiter.done:
                return
        group = self._take()
        try:
            self._commit([each.item for each in group])
        finally:
            self._hand_over()
            for each in group:
                each.done = True
                each.signal.release()

    def _join(self, waiter: _Waiter[Item]) -> bool:
        with self._lock:
            self._waiting.append(waiter)
            leads, self._is_led = not self._is_led, True
        return leads

    def _take(self) -> list[_Waiter[Item]]:
        with self._lock:
            group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        return group

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].signal.release()
            else:
                self._is_led = False
