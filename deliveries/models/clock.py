"""This host's clock beside the database's, for the whole process.

What lives here: the last reading of both, remembered, and how one is taken. It must not know what the time is for,
nor how far off is too far. A reading costs a round trip, so it is used until it is old; the host's clock being set,
or the host having been asleep, shows without asking and ends it at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from deliveries.protocol.writing.clock import Reading, compare

FRESH_SECONDS = 30.0
YOUNG_SECONDS = 1.0
QUICK_SECONDS = 0.01
TRIES = 5
STEP_SECONDS = 0.5  # beyond what a clock is slewed by within a reading's life

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Known:
    """A reading with its age, what the host's wall clock showed beyond the steady one, and its correction."""

    reading: Reading
    read_at: float
    beyond: float
    correction: float


@dataclass(slots=True)
class HostClock:
    """The clock of this host. `wall` may be set at any moment; `steady` never is."""

    wall: Seconds = time.time
    steady: Seconds = time.monotonic
    _known: _Known | None = None

    def learn(self, database_time: float, *, asked_at: float, answered_at: float) -> Reading:
        """Remember what a round trip told; the three times are Unix seconds, two of them of `wall`.

        A slow one, as of a statement with work of its own, replaces a quick one only when that is old.
        """
        reading = compare(database_time, asked_at=asked_at, answered_at=answered_at)
        kept, now = self.reading(), self.steady()
        if kept is None or reading.uncertainty_seconds <= max(kept.uncertainty_seconds, QUICK_SECONDS):
            self._known = _Known(reading, now, self._beyond(), reading.correction_seconds)
        return reading

    def is_young(self) -> bool:
        """Say whether the last reading was a moment ago: a round trip of now could tell nothing else."""
        return self._known is not None and self.steady() - self._known.read_at < YOUNG_SECONDS

    def reading(self, *, fresh_seconds: float = FRESH_SECONDS) -> Reading | None:
        """Return what is remembered, unless it is too old or the host's clock was set since."""
        known, now = self._known, self.steady()
        if known is None or now - known.read_at > fresh_seconds:
            return None
        return known.reading if abs(self._beyond() - known.beyond) <= STEP_SECONDS else None

    def corrected(self, reading: Reading) -> float:
        """Return the database's time in Unix seconds."""
        return self.wall() - reading.correction_seconds

    def _beyond(self) -> float:
        """Return what the wall clock shows beyond the steady one, read together: a thread may pause in between."""
        for _ in range(TRIES):
            before, wall, after = self.steady(), self.wall(), self.steady()
            if after - before < STEP_SECONDS / 10:
                break
        return wall - (before + after) / 2

    def likely(self) -> float:
        """Return the database's time as well as it is known without asking: with no reading, this host's.

        A clock that was set since the last reading is not believed: the steady one has gone on from there.
        """
        known, wall = self._known, self.wall()
        if known is None:
            return wall
        if abs(wall - self.steady() - known.beyond) <= STEP_SECONDS:
            return wall - known.correction  # the usual case, at a third of the cost: ids ask often
        if (reading := self.reading(fresh_seconds=inf)) is not None:
            return self.corrected(reading)
        return self.steady() + known.beyond - known.correction

    def was_set(self) -> bool:
        """Say whether this host's clock was set since the last reading, or the host was asleep."""
        return self._known is not None and self.reading(fresh_seconds=inf) is None


host = HostClock()


def learn_when_connected(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Take a reading over a new connection, where none is fresh: so every process has one."""
    if connection.alias == DEFAULT_DB_ALIAS and host.reading() is None:
        with suppress(DatabaseError, InterfaceError):
            measure()


def measure() -> Reading:
    """Ask the database for its time; raises django.db errors."""
    asked_at = host.wall()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (database_time,) = cursor.fetchone()
    return host.learn(database_time, asked_at=asked_at, answered_at=host.wall())
