"""Receivers that count how often each `webhook-id` came, and answer after as long as a test says."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.receiver import Answer, Receiver, Request, no_content


class Counting(Receiver):
    """A receiver that can be told to take its time: `delay_seconds`, or `hang` until it is let go."""

    def __init__(self, port: int) -> None:
        super().__init__(port, answer=self.answer_late)
        self.delay_seconds = 0.0
        self.late_status = 204
        self.enough = math.inf
        self.released = threading.Event()
        self.released.set()
        self.moments: dict[str, float] = {}  # when each id came first, by time.monotonic()

    def take(self, request: Request) -> Answer:
        """Remember when it came, too."""
        self.moments.setdefault(request.header("webhook-id") or "", time.monotonic())
        if len(self.requests) >= self.enough:
            self.hang()
        return super().take(request)

    def answer_late(self, request: Request) -> Answer:
        """204, when it is time; those who hung get what `hang` was told."""
        if self.delay_seconds:
            threading.Event().wait(self.delay_seconds)
        if self.released.is_set():
            return no_content(request)
        self.released.wait()
        return self.late_status, {}, b""

    def hang(self, then: int = 204) -> None:
        """Answer nobody from now on; who is let go later gets this status."""
        self.late_status = then
        self.released.clear()

    def hang_after(self, count: int) -> None:
        """Answer so many, and nobody from then on: whoever sends is in the middle of it for as long as a test wants."""
        self.enough = count

    def let_go(self) -> None:
        """Answer all who wait."""
        self.enough = math.inf
        self.released.set()

    @property
    def is_hanging(self) -> bool:
        """Whether somebody who came now would wait."""
        return not self.released.is_set()

    @property
    def times(self) -> Counter[str]:
        """How often each id came."""
        with self.arrived:
            return Counter(request.header("webhook-id") or "" for request in self.requests)

    @property
    def duplicates(self) -> int:
        """Requests beyond the first of each id."""
        return sum(self.times.values()) - len(self.times)


@contextmanager
def counting(ports: Sequence[int]) -> Iterator[list[Counting]]:
    """Receivers on these ports; whoever hangs is let go in the end."""
    with ExitStack() as stack:
        receivers = [stack.enter_context(Counting(port)) for port in ports]
        for receiver in receivers:
            stack.callback(receiver.let_go)
        yield receivers
