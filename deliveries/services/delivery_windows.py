"""Keeping delivery windows: an endpoint is paused when its window closes, and resumed when it opens.

What lives here: the look at all endpoints that have a window. What comes meanwhile is held like that of any paused
endpoint, and drains at the rate at which resumed endpoints do. Who pauses or disables an endpoint is not overruled. It
must not know how deliveries are held or released.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from deliveries.models import Endpoint, Lane
from deliveries.protocol.when.delivery_window import OUTSIDE, DeliveryWindow, is_open
from deliveries.protocol.who.actor_names import SYSTEM
from deliveries.services.common import clock
from deliveries.services.endpoints import pause_endpoint, resume_endpoint
from deliveries.services.housekeeping.rounds import act_alone, held_as_seen
from deliveries.services.resending.cancellations import ORDER

OPENED = "its delivery window opened"
ENDED = "it has no delivery window any more"
NOT_KEPT = "delivery_window_not_kept"
LIMIT = 1000

State = Endpoint.State


def keep_windows(*, now: datetime | None = None) -> int:
    """Pause what is outside of its window, and resume what is inside again; returns how many changed."""
    moment = now or clock.likely_now()
    changed: list[Endpoint] = []
    rows = Endpoint.objects.filter(delivery_window__isnull=False, deleted_at=None, customer__moving="")
    for endpoint in rows.select_related("customer").iterator(chunk_size=LIMIT):
        act_alone(partial(_keep_window, endpoint, moment, changed), endpoint, event=NOT_KEPT)
    return len(changed)


def end_windows() -> int:
    """Resume what waits for a window that was taken away; returns how many."""
    rows = Endpoint.objects.filter(
        delivery_window__isnull=True, deleted_at=None, state=State.PAUSED, state_reason=OUTSIDE, customer__moving=""
    )
    found = list(rows.select_related("customer")[:LIMIT])
    return sum(act_alone(partial(_resume, endpoint, ENDED), endpoint, event=NOT_KEPT) for endpoint in found)


def _keep_window(endpoint: Endpoint, moment: datetime, changed: list[Endpoint]) -> None:
    window: DeliveryWindow = endpoint.delivery_window  # type: ignore[assignment]  # the filter leaves no null
    opened = is_open(window, moment)
    if opened and _waits(endpoint):
        _resume(endpoint, OPENED)
    elif not opened and endpoint.state == State.ENABLED:
        with held_as_seen(endpoint):
            pause_endpoint(endpoint, actor=SYSTEM, reason=OUTSIDE)
    else:
        return
    changed.append(endpoint)


def _waits(endpoint: Endpoint) -> bool:
    return endpoint.state == State.PAUSED and endpoint.state_reason == OUTSIDE


def _resume(endpoint: Endpoint, reason: str) -> None:
    """Resume, and leave the lane its rest, and since when nothing arrives: an opening is no repair.

    What an ordered endpoint rested for was held, and is due with the rest of the backlog.
    """
    with held_as_seen(endpoint):
        lane = Lane.objects.select_for_update().get(endpoint=endpoint)
        resume_endpoint(endpoint, actor=SYSTEM, reason=reason)
        if lane.rest_reason == ORDER:
            lane.rest_until = None
        lane.save(update_fields=["failing_since", "failures", "opened", "rest_until"])
