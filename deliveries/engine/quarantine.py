"""Which deliveries are sent with care after a lost worker, and which one alone in the whole process.

What lives here: finding the one delivery that ends its worker among all that were in flight, so that no other
is given up in its place. It must not know the database, nor what ends a worker.

A lane that lost its worker goes on one by one for a while, and each delivery is noted before it is sent. One that
was noted in three losses stands trial: no other suspect of this process is in flight with it. Only a loss during
its trial gives it up.
"""

from __future__ import annotations

import threading
from datetime import datetime
from uuid import UUID

from deliveries.engine.leases import Claimed, Finished, LeasedLane
from deliveries.protocol.answer import Answer
from deliveries.protocol.outcome import Outcome

LOSSES_OF_A_POISON = 4

_lock = threading.Lock()
_at_large: set[UUID] = set()  # lanes with a suspect that is in flight or not recorded yet
_trial: list[UUID] = []  # the lane that waits for its trial or stands it, at most one


def is_poison(lane: LeasedLane, claimed: Claimed) -> bool:
    """Say whether this delivery took so many workers along that it is to be given up."""
    return claimed.delivery_id == lane.suspect_id and lane.crashes >= LOSSES_OF_A_POISON


def losses_of(lane: LeasedLane, claimed: Claimed) -> int:
    """Return how many workers this delivery may have taken along, the coming one not counted."""
    return lane.crashes if claimed.delivery_id == lane.suspect_id else 1


def buried(claimed: Claimed, *, at: datetime) -> Finished:
    """Return the end of a delivery that took each of its workers along."""
    answer = Answer(error="worker_lost", detail="Each worker that sent this delivery was lost while it did.")
    outcome = Outcome(state="exhausted", error=answer.error)
    return Finished(claimed=claimed, started_at=at, answer=answer, outcome=outcome)


def may_go(lane: LeasedLane) -> bool:
    """Say whether the lane's next delivery may be sent now: always, unless it or another one is a suspect."""
    if not lane.careful:
        return True
    claimed = lane.waiting[0]
    to_trial = losses_of(lane, claimed) >= LOSSES_OF_A_POISON - 1 and not is_poison(lane, claimed)
    with _lock:
        if _trial and _trial[0] != lane.endpoint_id:
            return False
        if to_trial and not _trial:
            _trial.append(lane.endpoint_id)
        if to_trial and _at_large - {lane.endpoint_id}:
            return False
        _at_large.add(lane.endpoint_id)
        return True


def came_back(lane: LeasedLane) -> None:
    """Note that the lane has nothing in flight that is not recorded, or is in other hands."""
    with _lock:
        _at_large.discard(lane.endpoint_id)
        if lane.endpoint_id in _trial:
            _trial.remove(lane.endpoint_id)
