"""What a worker's log says of a broker that is away: Dramatiq's consumers say it each second, each of its own queue.

Lives here: one line instead, when the reason is a new one and once a minute while it lasts. It must not know a broker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

CONSUMERS = "dramatiq.worker.ConsumerThread"
SILENT_SECONDS = 60.0
REASONS = 5  # of a minute: one that is worded anew each second says no more than these


class OfConsumers(logging.Filter):
    """Hold back what consumers of Dramatiq say of their broker, and tell it as `broker_away`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record may pass: all but those of consumers that are cut off."""
        if record.levelno < logging.CRITICAL or not record.name.startswith(CONSUMERS):
            return True
        reason = _reason_of(record)
        if self._is_new(reason):
            log.warning("broker_away", reason=reason, exc_info=record.exc_info)
        return False

    def _is_new(self, reason: str) -> bool:
        now = self._clock()
        self._told = {each: moment for each, moment in self._told.items() if now - moment < SILENT_SECONDS}
        if reason in self._told or len(self._told) >= REASONS:
            return False
        self._told[reason] = now
        return True


def _reason_of(record: logging.LogRecord) -> str:
    """Return what the broker or the way to it said, without the words that Dramatiq puts before it."""
    if record.exc_info and record.exc_info[1] is not None:
        return repr(record.exc_info[1])
    return record.getMessage().rpartition("connection error: ")[2]
