"""Group commit: callers that come at the same time share one statement.

What lives here: who commits, one at a time. A caller who meets nobody commits in its own thread: handing one event to
another thread and waiting for it costs more than the event. Everybody else waits for one thread, which takes all who
wait, commits, and lets them go. It must not know what is committed.

Nobody waits for ever: a caller gives up after a while, and while a commit goes on for long only some may wait for it,
so that a database that hangs never holds all threads of a process. `commit` ends by itself after about as long.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

import structlog

from deliveries.conf import conf

log = structlog.get_logger(__name__)

# A commit costs the same for one as for many. While callers come a few at a time it is worth waiting for some more;
# one that comes alone, or with many others, waits for nobody.
FEW = range(2, 8)
GATHER_SECONDS = 0.003
COMMIT_SECONDS = 10.0  # whoever has waited for so long is told so
STUCK_SECONDS = 1.0  # a commit takes milliseconds; from here on something is wrong
THREADS_FOR_OTHERS = 4  # of a web process, which never wait for a commit that is stuck

Item = TypeVar("Item")


class Ending(enum.Enum):
    """How a caller's wait ended."""

    COMMITTED = "the commit has ended, well or not"
    NOT_BEGUN = "given up before it was taken; it never will be"
    UNKNOWN = "given up while its commit went on"


class _Mine(threading.local):
    seconds = 0.0


_mine = _Mine()


def committing_seconds() -> float:
    """Return how much processor time this thread has spent on commits so far."""
    return _mine.seconds


class _Waiter(Generic[Item]):
    """One caller. Each waits for a signal of its own: one lock for all would let them through one by one."""

    __slots__ = ("fate", "item", "signal")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.signal = threading.Lock()
        self.signal.acquire()
        self.fate = threading.Lock()  # whoever has it decides: the committing thread takes the item, or the caller goes


class GroupCommit(Generic[Item]):
    """Commits the items of concurrent callers together, at most `limit` at once; `commit` tells each item its result.

    What `commit` raises is logged, and its items are left without a result. A caller waits for `wait_seconds`; at most
    `places` of them wait while a commit is stuck: by default all threads of a web process but a few.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], None],
        *,
        limit: int,
        wait_seconds: float = COMMIT_SECONDS,
        places: int | None = None,
    ) -> None:
        self._commit, self._limit, self._wait_seconds = commit, limit, wait_seconds
        self._places = places or max(1, conf.web_threads - THREADS_FOR_OTHERS)
        self._waiting: SimpleQueue[_Waiter[Item]] = SimpleQueue()
        self._callers: set[_Waiter[Item]] = set()
        self._begun_at: float | None = None  # of the commit that goes on
        self._committing = threading.Lock()  # whoever has it commits
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, item: Item) -> Ending:
        """Return when the item was committed, or given up."""
        if self._is_stuck() and len(self._callers) >= self._places:
            return Ending.NOT_BEGUN
        waiter, is_alone = _Waiter(item), not self._callers
        self._callers.add(waiter)
        if is_alone and self._committing.acquire(blocking=False):
            return self._commit_alone(waiter)
        self._waiting.put(waiter)
        if self._thread is None:
            self._start()
        is_over = waiter.signal.acquire(timeout=self._wait_seconds)
        self._callers.discard(waiter)
        if is_over:
            return Ending.COMMITTED
        return Ending.NOT_BEGUN if waiter.fate.acquire(blocking=False) else Ending.UNKNOWN

    def _is_stuck(self) -> bool:
        begun_at = self._begun_at
        return begun_at is not None and time.monotonic() - begun_at > STUCK_SECONDS

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()

    def _commit_alone(self, waiter: _Waiter[Item]) -> Ending:
        began = time.thread_time()
        try:
            self._commit_all([waiter])
        finally:
            self._committing.release()
            self._callers.discard(waiter)
            _mine.seconds += time.thread_time() - began
        return Ending.COMMITTED

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            with self._committing:
                group = self._take(first)
                self._commit_all(group)
                for each in group:
                    each.signal.release()
                if len(group) in FEW:
                    time.sleep(GATHER_SECONDS)

    def _commit_all(self, group: Sequence[_Waiter[Item]]) -> None:
        self._begun_at = time.monotonic()
        try:
            if group:
                self._commit([each.item for each in group])
        except Exception:
            log.exception("group_commit_failed")
        self._begun_at = None

    def _take(self, first: _Waiter[Item]) -> list[_Waiter[Item]]:
        """Return who waits, without those that have given up."""
        group = [first]
        with suppress(Empty):
            while len(group) < self._limit:
                group.append(self._waiting.get_nowait())
        return [each for each in group if each.fate.acquire(blocking=False)]
