"""The time, as the database has it, and the refusal to go on where this host's clock does not agree with it.

What lives here: what is asked of the time by those who sign, store and drop. It must not know how clocks are compared.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import structlog

from deliveries.conf import conf
from deliveries.errors import ClockOff
from deliveries.models import clock
from deliveries.protocol.clock import Reading

log = structlog.get_logger(__name__)

COMPLAIN_EVERY_SECONDS = 60.0

_complained: dict[str, float] = {}


def now() -> datetime:
    """Return the database's time; raises ClockOff when this host differs from it by more than the setting.

    Costs nothing while the last reading is fresh, else a round trip.
    """
    reading = clock.host.reading() or clock.measure()
    if reading.is_off(conf.clock_tolerance_seconds):
        raise ClockOff(refusal(reading))
    return _corrected(reading)


def certain_now() -> datetime:
    """Return the database's time, asked for at this moment, for what cannot be taken back; raises ClockOff."""
    reading = clock.measure()
    if not reading.agrees(conf.clock_tolerance_seconds):
        raise ClockOff(refusal(reading))
    return _corrected(reading)


def database_now() -> datetime:
    """Return the database's time, however far this host is from it."""
    return _corrected(clock.host.reading() or clock.measure())


def refusal(reading: Reading) -> str:
    """Return why nothing is done by these clocks."""
    return f"{reading.in_words()}; {conf.clock_tolerance_seconds} seconds are tolerated"


def complain(error: ClockOff, *, part: str) -> bool:
    """Log that this part stands still for its clock, once a minute; returns whether it did."""
    moment = time.monotonic()
    if moment - _complained.get(part, -COMPLAIN_EVERY_SECONDS) < COMPLAIN_EVERY_SECONDS:
        return False
    _complained[part] = moment
    log.error("clock_off", part=part, reason=str(error))
    return True


def _corrected(reading: Reading) -> datetime:
    return datetime.fromtimestamp(clock.host.corrected(reading), UTC)
