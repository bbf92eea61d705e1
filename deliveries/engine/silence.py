"""How long a worker may be silent before others take its lanes: longer where the database takes long to answer.

What lives here: what a worker tells with its beats, from how long they take, and what it may count on by then. It must
not know the database, nor who asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from deliveries.engine.limits import LIMITS, Limits

log = structlog.get_logger(__name__)


class Silence:
    """The silence of one worker; `seconds` is what others grant it by now, `sure_seconds` what it may count on."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits, self._lock = limits, threading.Lock()
        self._grant(limits.silent)
        self._told = self._wanted = limits.silent
        self._under_way = self._calm = 0
        self._took = 0.0

    def _grant(self, seconds: float) -> None:
        """Note what others grant; each request asks for how long after a beat was begun nobody takes a lane."""
        self.seconds = seconds
        self.sure_seconds = seconds - (self._limits.silent - self._limits.sure)

    @property
    def factor(self) -> float:
        """How many times as long as usual it is: so are leases, for they are renewed as much later."""
        return self.seconds / self._limits.silent

    @contextmanager
    def beating(self, clock: Callable[[], float]) -> Iterator[float]:
        """Around a beat: gives what the beat is to tell, and learns from how long it took to be answered."""
        told, begun_at, took = self._begin(), clock(), -1.0
        try:
            yield told
            took = clock() - begun_at
        finally:
            self._end(took)

    def _begin(self) -> float:
        with self._lock:
            if not self._under_way:  # of two at once that told different things nobody would know which came last
                self._told = self._wanted
                self._grant(min(self.seconds, self._told))
            self._under_way += 1
            return self._told

    def _end(self, took: float) -> None:
        with self._lock:
            self._under_way -= 1
            if took >= 0.0:
                self._grant(self._told)
                self._weigh(took)

    def _weigh(self, took: float) -> None:
        """Want more at once when two beats in a row took long, and less when none has for a while."""
        limits, needed = self._limits, self._limits.silent
        while needed < limits.silent_beats * min(took, self._took) and needed < limits.silent_at_most:
            needed *= 2
        self._took = took
        self._calm = self._calm + 1 if needed < self._wanted else 0
        if needed > self._wanted:
            self._want(needed)
        elif self._calm >= limits.calm_beats:
            self._want(self._wanted / 2)

    def _want(self, seconds: float) -> None:
        self._wanted, self._calm = seconds, 0
        log.warning("beats_take_long", beat_took_seconds=round(self._took, 2), lost_after_seconds=seconds)
