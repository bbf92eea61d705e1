"""Which deliveries are sent with care after a lost worker, and which one alone in the whole process.

What lives here: finding the one delivery that ends its worker among all that were in flight, so that no other
is given up in its place. It must not know the database, nor what ends a worker.

A lane that lost its worker goes on one by one for a while, and each delivery is noted before it is sent. One that
was noted in three losses goes alone: no other suspect of this process is in flight with it. Only a loss while it
does gives it up.
"""

from __future__ import annotations

import threading
from datetime import datetime
from uuid import UUID

from deliveries.engine.lane import Lane
from deliveries.engine.limits import LIMITS
from deliveries.engine.work import Claimed, Finished
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.when.delivery_states import DeliveryState

_lock = threading.Lock()
_isolated: set[UUID] = set()  # lanes that send one by one, with a suspect in flight or not recorded yet
_alone: list[UUID] = []  # the lane whose suspect goes alone, or waits for that; at most one


def is_poison(lane: Lane, claimed: Claimed) -> bool:
    """Say whether this delivery took so many workers along that it is to be given up."""
    return claimed.delivery_id == lane.suspect_id and lane.crashes >= LIMITS.losses_of_a_poison


def losses_of(lane: Lane, claimed: Claimed) -> int:
    """Return how many workers this delivery may have taken along, the coming one not counted."""
    return lane.crashes if claimed.delivery_id == lane.suspect_id else 1


def given_up(claimed: Claimed, *, at: datetime) -> Finished:
    """Return the end of a delivery that took each of its workers along."""
    answer = Answer(error="worker_lost", detail="Each worker that sent this delivery was lost while it did.")
    outcome = Outcome(state=DeliveryState.EXHAUSTED, error=answer.error)
    return Finished(claimed=claimed, started_at=at, answer=answer, outcome=outcome)


def may_go(lane: Lane) -> bool:
    """Say whether the lane's next delivery may be sent now: always, unless it or another one is a suspect."""
    if not lane.careful:
        return True
    claimed = lane.waiting[0]
    goes_alone = losses_of(lane, claimed) >= LIMITS.losses_of_a_poison - 1 and not is_poison(lane, claimed)
    with _lock:
        if _alone and _alone[0] != lane.endpoint_id:
            return False
        if goes_alone and not _alone:
            _alone.append(lane.endpoint_id)
        if goes_alone and _isolated - {lane.endpoint_id}:
            return False
        _isolated.add(lane.endpoint_id)
        return True


def cleared(lane: Lane) -> None:
    """Note that the lane has nothing in flight that is not recorded, or is in other hands."""
    with _lock:
        _isolated.discard(lane.endpoint_id)
        if lane.endpoint_id in _alone:
            _alone.remove(lane.endpoint_id)
