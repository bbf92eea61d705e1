"""From deliveries that go together to one request in flight.

What lives here: the bodies of a batch, what of it cannot be sent, its request, and what of it the log keeps of each
delivery. It must not know which lanes there are, or what an answer means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog

from deliveries.engine.database_retry import Retry
from deliveries.engine.lane import Lane
from deliveries.engine.leased_endpoint import LeasedEndpoint
from deliveries.engine.leases import event_bodies
from deliveries.engine.sender import NOT_SENT, NOTHING_LEFT, find_route, is_not_yet, prepare_request, text_of
from deliveries.engine.work import Batch, Claimed, Key, Sent
from deliveries.errors import CannotShape, HookpostError
from deliveries.metrics import names
from deliveries.outbound.client import Request
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.events.api_versions import VERSION_HEADER
from deliveries.protocol.events.event_data import ERASED
from deliveries.protocol.sending.batching import BODY_LIMIT_BYTES, FRAME_BYTES, batch_body, batch_id, place_line
from deliveries.protocol.sending.payload import PLAIN, shape
from deliveries.protocol.sending.request import method_line, with_body
from deliveries.protocol.writing import ids
from deliveries.sql.engine_rows import EventBodiesRow
from deliveries.tracing import switch

log = structlog.get_logger(__name__)


class Batches:
    """Batches of one engine that are not sent yet: put together just now, or waiting for their transformations."""

    def __init__(self) -> None:
        self._new: list[tuple[Lane, Sent]] = []
        self._sent_of: dict[Key, Sent] = {}

    def clear(self) -> None:
        """Forget them."""
        self._new.clear()
        self._sent_of.clear()

    def add(self, lane: Lane, claimed: Sequence[Claimed]) -> Sent:
        """Return a request for these deliveries, of which nothing is made yet."""
        now, whole = datetime.now(UTC), replace(claimed[0], body_bytes=sum([each.body_bytes for each in claimed]))
        batch = Batch(members=[Sent(claimed=each, started_at=now) for each in claimed])
        self._new.append((lane, Sent(claimed=whole, started_at=now, batch=batch)))
        return self._new[-1][1]

    def open(self, retry: Retry, transform: Callable[[Lane, Claimed, str], None]) -> list[tuple[Lane, Sent]]:
        """Fetch the events that did not come with the claim; returns what can be sent and is sent as it is."""
        if not self._new:
            return []
        new, self._new = self._new, []
        claimed = [member.claimed for _, sent in new for member in sent.members if member.claimed.body is None]
        if claimed:
            _fill_in(claimed, retry(lambda: event_bodies({each.event_id for each in claimed})))
        for lane, sent in new:
            retry(partial(_find_routes, sent, lane.endpoint))
        return [(lane, sent) for lane, sent in new if not self._awaits(lane, sent, transform)]

    def came(self, claimed: Claimed, made: bytes | CannotShape) -> Sent | None:
        """Note what was made of one event; returns its batch when that was the last one."""
        sent = self._sent_of.pop(claimed.key)
        assert sent.batch is not None
        sent.batch.made[claimed.key] = made
        sent.batch.awaited -= 1
        return None if sent.batch.awaited else sent

    def _awaits(self, lane: Lane, sent: Sent, transform: Callable[[Lane, Claimed, str], None]) -> bool:
        text = lane.endpoint.shaping.transformation if lane.endpoint.shaping else ""
        assert sent.batch is not None
        known, claimed = sent.batch.made, [member.claimed for member in sent.members]
        making = [each for each in claimed if each.key not in known and (text or (each.route and each.route.steps))]
        sent.batch.awaited = len(making)
        for each in making:
            self._sent_of[each.key] = sent
            transform(lane, each, text)
        return bool(making)


def _fill_in(claimed: Sequence[Claimed], bodies: Mapping[UUID, EventBodiesRow]) -> None:
    for each in claimed:
        if found := bodies.get(each.event_id):
            each.type, each.body, each.trace_context = found.type, found.body, found.trace_context
            each.api_version = found.api_version
        else:
            each.body = ERASED


def _find_routes(sent: Sent, endpoint: LeasedEndpoint) -> None:
    """Find the way of each event to the version of its endpoint; one to which none leads has failed."""
    assert sent.batch is not None
    for member in sent.members:
        try:
            find_route(member.claimed, endpoint)
        except CannotShape as error:
            sent.batch.made[member.claimed.key] = error


def make_bodies(batch: Batch, endpoint: LeasedEndpoint) -> tuple[list[tuple[Claimed, Answer]], list[Claimed]]:
    """Make the body of each event, and leave in the batch those that go; returns what failed, and what is too much."""
    failed: list[tuple[Claimed, Answer]] = []
    going: list[Sent] = []
    size = 0
    for place, member in enumerate(batch.members):
        claimed = member.claimed
        try:
            made = batch.made[claimed.key] = _body_of(claimed, endpoint, batch.made.get(claimed.key))
        except CannotShape as error:
            failed.append((claimed, Answer(error=error.error, detail=error.detail)))
            continue
        size += len(made) + FRAME_BYTES
        if going and size > BODY_LIMIT_BYTES:
            left = [each.claimed for each in batch.members[place:]]
            batch.members = going
            return failed, left
        going.append(member)
    batch.members = going
    return failed, []


def send_batch(lane: Lane, sent: Sent, *, now: datetime, transfers: Transfers) -> Sent | Answer | None:
    """Put a batch whose bodies are made in flight; all else is as in sender.send."""
    if is_not_yet(lane.endpoint):
        return None
    batch = sent.batch
    assert batch is not None
    try:
        request, kept = _prepare(batch, endpoint=lane.endpoint, timestamp=int(now.timestamp()))
        sent.started_at = now
        _keep(batch, kept, endpoint=lane.endpoint, now=now)
        sent.request_headers = batch.members[0].request_headers
        transfers.start(request, tag=(lane, sent), timeout_seconds=lane.endpoint.timeout_seconds, tls=lane.endpoint.tls)
        names.BATCH_EVENTS.observe(len(batch.members))
    except HookpostError:
        raise
    except Exception:
        log.exception("batch_not_sent", delivery_id=str(sent.claimed.delivery_id))
        return NOT_SENT
    return sent


def _body_of(claimed: Claimed, endpoint: LeasedEndpoint, made: bytes | CannotShape | None) -> bytes:
    if claimed.body == ERASED:
        raise CannotShape(NOTHING_LEFT, error="event_erased")
    if isinstance(made, CannotShape):
        raise made
    return shape(replace(text_of(claimed), made=made), endpoint.shaping or PLAIN).body


def _prepare(batch: Batch, *, endpoint: LeasedEndpoint, timestamp: int) -> tuple[Request, str]:
    shaping = endpoint.shaping or PLAIN
    events = [member.claimed.event_id for member in batch.members]
    bodies = [batch.made[member.claimed.key] for member in batch.members]
    parts = [(ids.encode_id(ids.EVENT, each), body) for each, body in zip(events, bodies, strict=True)]
    shaped = batch_body([(name, body) for name, body in parts if isinstance(body, bytes)], shaping.payload_mode)
    route = next((each.claimed.route for each in batch.members if each.claimed.route), None)
    version = {VERSION_HEADER: route.sent_as} if route else {}
    headers = {**shaped.headers, **version}
    return prepare_request(
        endpoint, message_id=batch_id(events), timestamp=timestamp, body=shaped.body, headers=headers
    )


def _keep(batch: Batch, kept: str, *, endpoint: LeasedEndpoint, now: datetime) -> None:
    """Note what the log keeps of each delivery: its request, its place in it, and what was made of its event."""
    shaping, size = endpoint.shaping or PLAIN, len(batch.members)
    first = method_line(shaping.method) if kept.startswith(method_line(shaping.method)) else ""
    others = kept.removeprefix(first)
    for place, member in enumerate(batch.members, 1):
        lines = f"{first}{place_line(place, size)}{others}"
        route = member.claimed.route
        body = batch.made[member.claimed.key] if shaping.transformation or (route and route.steps) else None
        member.request_headers = with_body(lines, body) if isinstance(body, bytes) else lines
        member.started_at = now
        if switch.spans is not None:
            member.begun = switch.spans.attempt(member.claimed.trace_context)
