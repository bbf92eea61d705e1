"""The socket to the process that evaluates: waited at for as long as that process only lacks processor time.

What lives here: when an answer is late by whose fault. It must not know what is asked. A process that has used up far
more than any budget is stuck in what it was asked; one that got next to nothing stands in the line of a busy machine,
which is nobody's fault who asks.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from deliveries.errors import Unavailable

ROUND_SECONDS = 10.0  # then its processor time is looked at
ROUNDS = 6  # by the clock, whatever it got
STUCK_SECONDS = 5.0  # of processor time, to start and to answer: far beyond the budget
STARVED = "the process that evaluates transformations gets no processor time; try again"


def processor_seconds(pid: int) -> float:
    """Return how much processor time a process has had; of one that has ended, none."""
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


class WaitingLine:
    """One question and its answer; raises TimeoutError where the process is stuck, and Unavailable where it starves."""

    def __init__(self, line: socket.socket, *, pid: int, is_fresh: bool) -> None:
        self._line, self._pid = line, pid
        self._before = 0.0 if is_fresh else processor_seconds(pid)
        self._rounds = 0

    def sendall(self, content: bytes) -> None:
        """Send all of it."""
        left = memoryview(content)
        while left:
            with self._another_round():
                left = left[self._line.send(left) :]

    def recv(self, size: int) -> bytes:
        """Return what has come; nothing at the end."""
        while True:
            with self._another_round():
                return self._line.recv(size)

    @contextmanager
    def _another_round(self) -> Iterator[None]:
        """Within it, a round that ends without anything is followed by another one, as long as that may help."""
        try:
            yield
        except TimeoutError as error:
            self._rounds += 1
            if processor_seconds(self._pid) - self._before > STUCK_SECONDS:
                raise
            if self._rounds >= ROUNDS:
                raise Unavailable(STARVED) from error
