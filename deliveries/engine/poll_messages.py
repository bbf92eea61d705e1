"""What a poller gets: each delivery as the request that would have been sent, signed at this moment.

What lives here: from what was taken to messages. Of what no message can be made the attempt ends here, as it does where
no request can be made. It must not know how anything is taken, nor who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from deliveries.engine.leased_endpoint import LeasedEndpoint
from deliveries.engine.leases import event_bodies
from deliveries.engine.polls import Taken, answer_leases, give_back, keep_headers, take_due
from deliveries.engine.sender import NOT_SENT, find_route, prepare_delivery, text_of
from deliveries.engine.work import Claimed
from deliveries.errors import CannotShape, Unavailable
from deliveries.evaluator.process import made_of
from deliveries.models import Endpoint, PollLease
from deliveries.outbound.handle import body_bytes
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.payload import PLAIN
from deliveries.protocol.sending.request import with_body

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollMessage:
    """A delivery in a poller's hands; `number` is its place in the schedule, None for a redelivery."""

    lease: PollLease
    number: int | None
    method: str
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: str = field(repr=False)
    kept: str = field(repr=False)


def poll(endpoint: Endpoint, *, most: int, lease_seconds: int) -> list[PollMessage]:
    """Take what is due and return it as messages; raises Conflict, ClockOff."""
    taken = take_due(endpoint, most=most, lease_seconds=lease_seconds)
    if taken is None or not taken.pairs:
        return []
    made = _made(taken)
    messages = [each for each in made.values() if isinstance(each, PollMessage)]
    keep_headers({each.lease.id: each.kept for each in messages})
    if failed := {lease_id: each for lease_id, each in made.items() if isinstance(each, Answer)}:
        answer_leases(endpoint.id, failed)
    if left := [lease.id for lease, _ in taken.pairs if lease.id not in made]:
        give_back(endpoint.id, left)
    return messages


def _made(taken: Taken) -> dict[UUID, PollMessage | Answer]:
    """Return what became of each, as far as anything can be made at this moment."""
    bodies = event_bodies({claimed.event_id for _, claimed in taken.pairs if claimed.body is None})
    made: dict[UUID, PollMessage | Answer] = {}
    for lease, claimed in taken.pairs:
        if claimed.body is None and (found := bodies.get(claimed.event_id)):
            claimed.body, claimed.trace_context = found.body, found.trace_context
            claimed.api_version = found.api_version
        try:
            made[lease.id] = _message_or_end(lease, claimed, taken)
        except Unavailable:  # this machine's want ends no attempt, and is not waited for again and again
            break
    return made


def _message_or_end(lease: PollLease, claimed: Claimed, taken: Taken) -> PollMessage | Answer:
    try:
        return _message(lease, claimed, taken.endpoint, timestamp=int(taken.moment.timestamp()))
    except CannotShape as error:
        return Answer(error=error.error, detail=error.detail)
    except Unavailable:
        raise
    except Exception:
        log.exception("delivery_not_sent", delivery_id=str(claimed.delivery_id))
        return NOT_SENT


def _message(lease: PollLease, claimed: Claimed, endpoint: LeasedEndpoint, *, timestamp: int) -> PollMessage:
    find_route(claimed, endpoint)
    made = made_of(text_of(claimed), endpoint.shaping or PLAIN)
    request, kept = prepare_delivery(claimed, endpoint=endpoint, timestamp=timestamp, made=made)
    body = body_bytes(request)
    return PollMessage(
        lease=lease,
        number=claimed.number,
        method=request.method or "",
        headers=[*request.headers.items()],
        body=body.decode(),
        kept=kept if made is None else with_body(kept, body),
    )
