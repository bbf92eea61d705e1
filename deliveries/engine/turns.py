"""A turn: lanes are leased and handed to the engine of this process, which drives them until they are empty.

Runs on a Dramatiq thread, for one round trip; nothing here waits for a receiver.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from deliveries.engine.health import give_pause
from deliveries.engine.leases import lease_lanes
from deliveries.engine.loop import Engine
from deliveries.errors import ClockOff
from deliveries.services import clock
from deliveries.services.alerts import tell_clock_off

SLICE_SECONDS = 1.0


def take_turn(endpoint_ids: Sequence[UUID], *, engine: Engine, slow: bool = False) -> None:
    """Lease those of the lanes that are free, and hand them on; waits while the engine is full.

    A host whose clock is off leases nothing: the dispatcher wakes the lanes again, for another host.
    """
    try:
        clock.now()
    except ClockOff as error:
        tell_clock_off(error, part="worker")
        return
    if not (free := engine.nudge(endpoint_ids)):
        return
    engine.wait_for_room()
    lanes = lease_lanes(free, slow=slow, alone=len(endpoint_ids) == 1)
    until = time.monotonic() + SLICE_SECONDS
    try:
        for lane in lanes:
            lane.until = until
            if lane.target.problem:
                give_pause(lane, reason=lane.target.problem)
    finally:
        engine.adopt(lanes)  # whatever happened: they are leased
