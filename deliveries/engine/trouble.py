"""What keeps a lane from sending although its endpoint may be well: its configuration, or this machine.

What lives here: closing the lane and saying so, and waiting for descriptors. No request was made, so breaker, schedule
and log stay as they are.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import partial

import structlog

from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.leases import mark_suspect, postpone_redeliveries
from deliveries.engine.locked_rows import unless_locked
from deliveries.engine.phases import Phase, Rest
from deliveries.engine.quarantine import cleared
from deliveries.engine.work import Claimed
from deliveries.errors import ClockOff
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.outcome import REST_SECONDS
from deliveries.services.common import clock
from deliveries.services.common.seldom import Seldom
from deliveries.services.telling.alerts import note_cannot_send, tell_clock_off

log = structlog.get_logger(__name__)

WAIT_SECONDS = 0.1
STILL_SECONDS = 10.0  # longer than a failover


class StandStill:
    """Tells, once a minute, of an engine that may send nothing although the database answers: each time too late."""

    def __init__(self) -> None:
        self._since, self._seldom = NEVER, Seldom()

    def note(self, now: float, *, is_put_off: bool) -> None:
        """Note whether the engine may send now."""
        self._since = min(self._since, now) if is_put_off else NEVER
        if now >= self._since + STILL_SECONDS and self._seldom.lets(now=now):
            log.error("database_too_slow", sent_nothing_for_seconds=round(now - self._since))


def has_right_time(retry: Callable[[Callable[[], None]], None]) -> bool:
    """Say whether this host's clock agrees with the database's; one that does not leases nothing."""
    try:
        clock.now()
    except ClockOff as error:
        retry(partial(tell_clock_off, error, part="worker"))
        return False
    return True


def pause_for_problem(lane: Lane, now: float, *, reason: str) -> None:
    """Let a lane rest that cannot send anything as it is configured, and say so to log and operator."""
    log.error("lane_cannot_send", endpoint_id=str(lane.endpoint_id), reason=reason)
    lane.close(now, rest_seconds=lane.limits.rest_of_problem, reason=Rest.PROBLEM)
    postpone_redeliveries(lane, seconds=lane.limits.rest_of_problem, now=now)
    unless_locked(partial(note_cannot_send, lane.endpoint_id, reason=reason), lane)


def has_marked(lane: Lane, claimed: Claimed, now: float, *, losses: int) -> bool:
    """Note what a lane sends alone after a lost worker; while its row is locked that cannot be, and nothing is sent."""
    if unless_locked(partial(mark_suspect, lane, claimed.delivery_id, losses=losses), lane):
        return True
    lane.note_locked(now)
    cleared(lane)
    return False


def wait_for_sockets(lane: Lane, now: float, *, reason: str, rng: random.Random) -> None:
    """Let a lane rest for want of a socket."""
    if lane.phase is Phase.CLOSING:
        return  # one reason is enough, however many requests found it
    seconds = REST_SECONDS * rng.uniform(0.5, 1.5)
    postpone_redeliveries(lane, seconds=seconds, now=now)
    lane.close(now, rest_seconds=seconds, reason=Rest.NO_SOCKET)
    log.error("no_socket", endpoint_id=str(lane.endpoint_id), reason=reason)


def open_transfers(new: Callable[[], Transfers], stopping: threading.Event) -> Transfers | None:
    """Return a new multi; when this process has no descriptor left, wait for one until told to stop."""
    while True:
        try:
            return new()
        except OSError as error:
            log.warning("no_socket", reason=error.strerror)
        if stopping.wait(WAIT_SECONDS):
            return None
