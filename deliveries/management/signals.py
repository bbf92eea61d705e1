"""The wish to stop, from a terminal or a supervisor.

What lives here: noticing SIGINT and SIGTERM. It must not know what is stopped.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that is empty until a stop is wanted; a second signal acts as if nobody listened.

    A list and no threading.Event: a handler that takes a lock can wait for itself.
    """
    received: list[int] = []

    def notice(number: int, frame: FrameType | None) -> None:
        received.append(number)
        restore()

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.signal(each, notice) for each in STOPS}
    try:
        yield received
    finally:
        restore()
