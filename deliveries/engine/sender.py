"""From a claimed delivery to a request in flight: body, signature, headers, and what of it the log keeps.

What lives here: what may go wrong before a request exists. It must not know the database or other lanes.
`webhook-timestamp` is the time of this attempt: a request is made right before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from deliveries.conf import conf
from deliveries.engine.lane import Lane
from deliveries.engine.leased_endpoint import NOT_YET, LeasedEndpoint
from deliveries.engine.work import USER_AGENT, Claimed, Sent
from deliveries.errors import CannotShape, HookpostError
from deliveries.outbound.client import Request, prepared_head
from deliveries.outbound.handle import body_bytes
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.events.event_data import ERASED
from deliveries.protocol.sending.payload import PLAIN, EventText, routed, shape
from deliveries.protocol.sending.request import METHOD, frame_of, head_of, method_line, with_body
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.trace_context import trace_headers
from deliveries.services.catalogue.version_table import route_of
from deliveries.sql.engine_rows import EventBodiesRow
from deliveries.tracing import switch

if TYPE_CHECKING:
    from deliveries.tracing.spans import Begun

log = structlog.get_logger(__name__)

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
NOTHING_LEFT = "The content of the event was erased while it waited."
NOT_SENT = Answer(error="not_sent", detail="No request could be made of this delivery; the worker's log says why.")


def send(
    lane: Lane, claimed: Claimed, *, now: datetime, transfers: Transfers, made: bytes | None = None
) -> Sent | Answer | None:
    """Put a delivery in flight; or return what it ends with where no request could be made of it alone.

    None: its lane has no access token yet. `now` is the database's time, `made` what a transformation made of it.
    Raises HookpostError when the lane's configuration lets nothing be signed.
    """
    if lane.endpoint.problem and is_not_yet(lane.endpoint):
        return None
    try:
        begun = None if switch.spans is None else switch.spans.attempt(claimed.trace_context)
        request, kept = prepare_delivery(
            claimed, endpoint=lane.endpoint, timestamp=int(now.timestamp()), made=made, begun=begun
        )
        if made is not None:
            kept = with_body(kept, body_bytes(request))
        sent = Sent(claimed, now, kept, begun)
        transfers.start(request, tag=(lane, sent), timeout_seconds=lane.endpoint.timeout_seconds, tls=lane.endpoint.tls)
    except CannotShape as error:
        return Answer(error=error.error, detail=error.detail)
    except HookpostError:
        raise
    except Exception:
        log.exception("delivery_not_sent", delivery_id=str(claimed.delivery_id))
        return NOT_SENT
    return sent


def is_not_yet(endpoint: LeasedEndpoint) -> bool:
    """Say whether an access token is to be fetched first; raises HookpostError where nothing can be signed."""
    if endpoint.problem and endpoint.problem is not NOT_YET:
        raise HookpostError(endpoint.problem)
    return bool(endpoint.problem)


def prepare_delivery(
    claimed: Claimed, *, endpoint: LeasedEndpoint, timestamp: int, made: bytes | None = None, begun: Begun | None = None
) -> tuple[Request, str]:
    """Return the signed request, and its headers as the log keeps them; `timestamp` is in Unix seconds.

    A receiver that wants it is told the trace: the attempt's own span, or what the event came with. Raises CannotShape
    where there is no body to be sent.
    """
    if claimed.body == ERASED:  # queued again at the moment when it was erased
        raise CannotShape(NOTHING_LEFT, error="event_erased")
    message_id, shaping = ids.encode_id(ids.EVENT, claimed.event_id), endpoint.shaping
    if shaping is None and claimed.route is None:
        body = claimed.body or b""
        return prepare_request(endpoint, message_id=message_id, timestamp=timestamp, body=body, event_type=claimed.type)
    shaping = shaping or PLAIN
    shaped = shape(replace(text_of(claimed), made=made), shaping)
    headers = shaped.headers
    if shaping.trace_context and (told := begun.text if begun else claimed.trace_context):
        headers = {**trace_headers(told, with_state=conf.send_tracestate), **headers}
    return prepare_request(
        endpoint,
        message_id=message_id,
        timestamp=timestamp,
        body=shaped.body,
        headers=headers,
        event_type=claimed.type,
    )


def prepare_request(
    endpoint: LeasedEndpoint,
    *,
    message_id: str,
    timestamp: int,
    body: bytes,
    headers: Mapping[str, str] = NO_HEADERS,
    event_type: str = "",
) -> tuple[Request, str]:
    """Return a signed request, and its headers as the log keeps them: values of the customer's own are secrets.

    `headers` are what the making of the body adds; without `event_type`, as of several events, no header tells it.
    """
    own, frame = endpoint.headers, endpoint.frame
    if headers:
        frame = frame_of({**headers, **own}, user_agent=USER_AGENT, secret=own.keys())
    head, kept = head_of(
        frame,
        profile=endpoint.signing,
        keys=endpoint.keys,
        message_id=message_id,
        timestamp=timestamp,
        body=body,
        event_type=event_type,
    )
    if endpoint.shaping is None or endpoint.shaping.method == METHOD:
        return prepared_head(endpoint.url, head, body), kept
    method = endpoint.shaping.method
    return prepared_head(endpoint.url, head, body, method=method), method_line(method) + kept


def text_of(claimed: Claimed) -> EventText:
    """Return an event as it is shaped and transformed."""
    message_id = ids.encode_id(ids.EVENT, claimed.event_id)
    text = EventText(id=message_id, type=claimed.type, whole=claimed.body or b"", source=conf.base_url)
    return text if claimed.route is None else routed(text, claimed.route)


def with_event(claimed: Claimed, found: EventBodiesRow | None) -> Claimed:
    """Return a delivery with its event, which did not come with the claim; without a body where it is gone."""
    if found is None:
        return replace(claimed, body=b"")
    return replace(
        claimed, type=found.type, body=found.body, trace_context=found.trace_context, api_version=found.api_version
    )


def making_of(claimed: Claimed, endpoint: LeasedEndpoint) -> str | Answer | None:
    """Find the way to the endpoint's version, and return the transformation after it, "" for mappings alone.

    None where the body is sent as it is; where no way leads there, what the attempt ends with.
    """
    try:
        find_route(claimed, endpoint)
    except CannotShape as error:
        return Answer(error=error.error, detail=error.detail)
    text = "" if endpoint.shaping is None else endpoint.shaping.transformation
    return text if text or (claimed.route and claimed.route.steps) else None


def find_route(claimed: Claimed, endpoint: LeasedEndpoint) -> None:
    """Find the way of an event to the version of its endpoint, where there are versions; raises CannotShape."""
    wanted = None if endpoint.shaping is None else endpoint.shaping.api_version
    if endpoint.shaping is not None and endpoint.shaping.challenge:
        return
    if (claimed.api_version is not None or wanted is not None) and claimed.body != ERASED:
        claimed.route = route_of(claimed.type, claimed.api_version, wanted)
