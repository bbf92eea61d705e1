"""The numbers of all metrics of a process, and of the processes that are forked from it.

What lives here: one row of numbers, and after `share` one row for each process in memory that all of them see, so that
whichever of the web server's processes is asked answers for all. A process that starts in place of a dead one goes on
with its row, so no counter falls. It must not know what a number means.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from array import array
from collections.abc import MutableSequence, Sequence
from typing import Any

BYTES = 8  # of a number


class Memory:
    """Numbers by their place; whoever changes `mine` holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.mine: MutableSequence[float] = array("d")
        self._rows: Sequence[Any] = ()
        self._file = -1
        self._of_the_moment: set[int] = set()

    @property
    def is_shared(self) -> bool:
        """Whether several processes have a row each."""
        return bool(self._rows)

    def reserve(self, count: int, *, of_the_moment: bool = False) -> int:
        """Return the first of so many new places; what is of the moment does not outlive its process."""
        first = len(self.mine)
        self.mine.extend([0.0] * count)
        if of_the_moment:
            self._of_the_moment.update(range(first, first + count))
        return first

    def sum(self, place: int) -> float:
        """Return a number, added up over all processes."""
        return sum(row[place] for row in self._rows) if self._rows else self.mine[place]

    def share(self, processes: int) -> None:
        """Make a row for this process and for so many that are forked later; only Linux has such memory."""
        if not hasattr(os, "memfd_create"):
            return
        width, rows = len(self.mine), 1 + 2 * processes  # while processes are replaced there are more of them
        self._file = os.memfd_create("hookpost-metrics")
        os.ftruncate(self._file, width * rows * BYTES)
        numbers = memoryview(mmap.mmap(self._file, width * rows * BYTES)).cast("d")
        self._rows = [numbers[start : start + width] for start in range(0, width * rows, width)]
        self._take_row()

    def after_fork(self) -> None:
        """Count for oneself in a process that was forked just now."""
        self.lock = threading.Lock()
        if self._rows:
            self._take_row()

    def _take_row(self) -> None:
        """Take the first row that no living process has: the kernel gives up a lock with the process that holds it."""
        for number, row in enumerate(self._rows):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
            except OSError:
                continue
            self.mine = row
            for place in self._of_the_moment:
                row[place] = 0.0
            return
        self.mine = array("d", bytes(BYTES * len(self.mine)))  # one too many: it counts for nobody


memory = Memory()
os.register_at_fork(after_in_child=memory.after_fork)
