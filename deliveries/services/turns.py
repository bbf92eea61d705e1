"""A turn: lanes are leased and handed to the engine of this process, which drives them until they are empty.

Runs on a Dramatiq thread, for one round trip; nothing here waits for a receiver.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

import structlog

from deliveries.services.engine import Engine
from deliveries.services.health import stop
from deliveries.services.lanes import LeasedLane, lease_lanes

log = structlog.get_logger(__name__)

SLICE_SECONDS = 1.0
PROBLEM_REST_SECONDS = 60.0


def take_turn(endpoint_ids: Sequence[UUID], *, engine: Engine, slow: bool = False) -> None:
    """Lease those of the lanes that are free, and hand them on; waits while the engine is full."""
    engine.wait_for_room()
    lanes = lease_lanes(endpoint_ids, slow=slow)
    until = time.monotonic() + SLICE_SECONDS
    for lane in lanes:
        lane.until = until
        _stop_if_it_cannot_send(lane)
    engine.adopt(lanes)


def _stop_if_it_cannot_send(lane: LeasedLane) -> None:
    reason = lane.target.problem or ("the endpoint was deleted" if lane.target.deleted else "")
    if reason:
        log.error("lane_cannot_send", endpoint_id=str(lane.endpoint_id), reason=reason)
        stop(lane, rest_seconds=PROBLEM_REST_SECONDS)
