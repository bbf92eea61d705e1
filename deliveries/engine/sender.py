"""One claimed delivery put in flight, or its end where no request can be made of it.

What lives here: what may go wrong before a request exists. It must not know the database or other lanes.
"""

from __future__ import annotations

import random

import structlog

from deliveries.engine.health import judge, keep_order
from deliveries.engine.leases import Claimed, Finished, LeasedLane
from deliveries.engine.prepare import prepare_delivery
from deliveries.errors import HookpostError
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answer import Answer
from deliveries.services import clock

log = structlog.get_logger(__name__)

NOT_SENT = Answer(error="not_sent", detail="No request could be made of this delivery; the worker's log says why.")


def send(lane: LeasedLane, claimed: Claimed, *, transfers: Transfers, rng: random.Random) -> Finished | None:
    """Put a delivery in flight, or return that it failed before it was sent.

    Raises ClockOff when this host's clock lets nothing be signed, HookpostError when the lane's configuration does.
    """
    now = clock.now()
    try:
        request = prepare_delivery(claimed, target=lane.target, timestamp=int(now.timestamp()))
        transfers.start(request, tag=(lane, claimed, now), timeout_seconds=lane.target.timeout_seconds)
    except HookpostError:
        raise
    except Exception:
        log.exception("delivery_not_sent", delivery_id=str(claimed.delivery_id))
        failed = judge(lane, claimed, NOT_SENT, started_at=now, rng=rng)
        keep_order(lane, failed.outcome)
        return failed
    lane.in_flight[claimed.key] = claimed, now
    return None
