"""The wish to stop, from a terminal or a supervisor.

What lives here: noticing SIGINT and SIGTERM. It must not know what is stopped.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)


class StopWanted(list[int]):
    """The signals that came; `wait` is over with the first.

    A list and a pipe, and no threading.Event: a handler that takes a lock can wait for itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._come, self._tell = os.pipe()

    def note(self, number: int) -> None:
        """Note one; for its handler."""
        self.append(number)
        os.write(self._tell, b".")

    def wait(self, seconds: float) -> None:
        """Return once a signal came, after so long at most."""
        watch = select.poll()
        watch.register(self._come, select.POLLIN)
        watch.poll(seconds * 1000)

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._come)
        os.close(self._tell)


@contextmanager
def stop_signals() -> Iterator[StopWanted]:
    """A list that is empty until a stop is wanted; a second signal acts as if nobody listened."""
    received = StopWanted()

    def notice(number: int, frame: FrameType | None) -> None:
        received.note(number)
        restore()

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.signal(each, notice) for each in STOPS}
    try:
        yield received
    finally:
        restore()
        received.close()
