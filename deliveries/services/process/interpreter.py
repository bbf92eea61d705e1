"""How long a thread keeps Python's interpreter while others of its process want it.

What lives here: one number of the process, shorter while something long is computed in it. It must not know what.

Whoever waits for the interpreter wakes each time that number is over, only to see that another thread got it meanwhile.
With dozens of threads that post single events, none of which keeps it for long, these wake-ups were a third of a web
process's processor time. A page, a batch or a chunk of a fan-out keeps it for much longer, and others wait for that
several times each.
"""

from __future__ import annotations

import sys
import threading

QUICK_SECONDS = 0.001


class QuickHandover:
    """Inside, whoever waits for the interpreter has it after a millisecond; any number may be inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside, self._usual = 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(QUICK_SECONDS)
            self._inside += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._usual)


quick_handover = QuickHandover()
