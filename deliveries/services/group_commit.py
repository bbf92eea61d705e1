"""Group commit: callers that come at the same time share one statement.

What lives here: one thread that takes all who wait, commits, and lets them go. It must not know what is committed.
A thread of its own, not one of the callers: a process then needs one connection to the database for it, not one per
caller, and its statements are prepared once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

# A commit costs the same for one as for many. While callers come a few at a time it is worth waiting for some more;
# one that comes alone, or with many others, waits for nobody.
FEW = range(2, 8)
GATHER_SECONDS = 0.003

Item = TypeVar("Item")


class _Waiter(Generic[Item]):
    """One caller. Each waits for a signal of its own: one lock for all would let them through one by one."""

    __slots__ = ("item", "signal")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.signal = threading.Lock()
        self.signal.acquire()


class GroupCommit(Generic[Item]):
    """Commits the items of concurrent callers together, at most `limit` at once; `commit` tells each item its result.

    What `commit` raises is logged, and its items are left without a result.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], None], *, limit: int) -> None:
        self._commit, self._limit = commit, limit
        self._waiting: SimpleQueue[_Waiter[Item]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, item: Item) -> None:
        """Return when the item was committed, or given up."""
        waiter = _Waiter(item)
        self._waiting.put(waiter)
        if self._thread is None:
            self._start()
        waiter.signal.acquire()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            group = self._take()
            try:
                self._commit([each.item for each in group])
            except Exception:
                log.exception("group_commit_failed")
            for each in group:
                each.signal.release()
            if len(group) in FEW:
                time.sleep(GATHER_SECONDS)

    def _take(self) -> list[_Waiter[Item]]:
        group = [self._waiting.get()]
        with suppress(Empty):
            while len(group) < self._limit:
                group.append(self._waiting.get_nowait())
        return group
