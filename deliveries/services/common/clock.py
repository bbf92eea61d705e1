"""The time, as the database has it, and the refusal to go on where this host's clock does not agree with it.

What lives here: what is asked of the time by those who sign, store and drop. It must not know how clocks are compared.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import ClockOff
from deliveries.metrics import names
from deliveries.models import clock
from deliveries.protocol.writing.clock import Reading
from deliveries.services.common.seldom import Seldom
from deliveries.sql.engine_rows import BeatRow
from deliveries.sql.rows import AcceptEventsRow

log = structlog.get_logger(__name__)

KEPT_SECONDS = 3600.0

Told = TypeVar("Told", AcceptEventsRow, BeatRow)  # rows that tell the database's time


def offset_seconds() -> float:
    """Return how far this host's clock is ahead of the database's, as far as that is known; 0 before it is."""
    reading = clock.host.reading(fresh_seconds=inf)
    return reading.correction_seconds if reading else 0.0


names.CLOCK_OFFSET.read = offset_seconds
_seldom = Seldom()


def now() -> datetime:
    """Return the database's time; raises ClockOff when this host differs from it by more than the setting.

    Costs nothing while the last reading is fresh, else a round trip.
    """
    reading = clock.host.reading() or _measured()
    if _is_off(reading):
        raise ClockOff(_in_words(reading))
    return _corrected(reading)


class SharedMoment:
    """The database's time, read once for what is done together within so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._until, self._now = seconds, 0.0, datetime.now(UTC)

    def end(self) -> None:
        """Have the time read anew."""
        self._until = 0.0

    def now(self) -> datetime:
        """Return the time; raises ClockOff as `now` does."""
        if time.monotonic() >= self._until:
            self._now = now()
            self._until = time.monotonic() + self._seconds
        return self._now


def refusal(*, part: str) -> ClockOff | None:
    """Return why this part does nothing, and log it; None when the clocks agree, or nothing is known of them yet.

    Asks the database again only when the last reading said so.
    """
    reading = clock.host.reading()
    if reading is None or not _is_off(reading) or not _is_off(reading := _measured()):
        return None
    error = ClockOff(_in_words(reading))
    complain(error, part=part)
    return error


def fetch(row: type[Told], parameters: sql.Parameters, *, days: sql.Days = ()) -> list[Told]:
    """Fetch rows that hold `database_time`, and take a reading of it where there are any, at no round trip more.

    One a second is enough: a clock that is set meanwhile shows without asking.
    """
    host = clock.host
    asked_at = host.wall()
    rows = sql.fetch(row, parameters, days=days)
    if rows and not host.is_young():
        host.learn(rows[0].database_time, asked_at=asked_at, answered_at=host.wall())
    return rows


def problem() -> str:
    """Return which clock is off and by how much, asked for at this moment; empty when they agree."""
    reading = clock.measure()
    return _in_words(reading) if _is_off(reading) else ""


def likely_now() -> datetime:
    """Return the database's time as well as it is known; asks only when this host's clock was set, or it was asleep.

    For what a mistake does no harm to.
    """
    if clock.host.was_set():
        with suppress(DatabaseError, InterfaceError):
            clock.measure()
    return datetime.fromtimestamp(clock.host.likely(), UTC)


def certain_now() -> datetime:
    """Return the database's time, asked for at this moment, for what cannot be taken back; raises ClockOff."""
    reading = clock.measure()
    if not reading.agrees(conf.clock_tolerance_seconds):
        raise ClockOff(_in_words(reading))
    return _corrected(reading)


def database_now() -> datetime:
    """Return the database's time, however far this host is from it."""
    return _corrected(clock.host.reading() or clock.measure())


def complain(error: ClockOff, *, part: str) -> bool:
    """Log that this part stands still for its clock, once a minute; returns whether it did."""
    if not _seldom.lets(part):
        return False
    log.error("clock_off", part=part, reason=str(error))
    return True


def _is_off(reading: Reading) -> bool:
    return reading.is_off(conf.clock_tolerance_seconds)


def _in_words(reading: Reading) -> str:
    return f"{reading.in_words()}; {conf.clock_tolerance_seconds} seconds are tolerated"


def _measured() -> Reading:
    """Return a new reading; while the database is away an old one, for a clock that nobody set goes on as it did."""
    try:
        return clock.measure()
    except (DatabaseError, InterfaceError) as error:
        if (known := clock.host.reading(fresh_seconds=KEPT_SECONDS)) is None:
            raise ClockOff("this host's clock cannot be compared with the database's, which does not answer") from error
        return known


def _corrected(reading: Reading) -> datetime:
    return datetime.fromtimestamp(clock.host.corrected(reading), UTC)
