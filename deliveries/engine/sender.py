"""From a claimed delivery to a request in flight: body, signature, headers, and what of it the log keeps.

What lives here: what may go wrong before a request exists. It must not know the database or other lanes.
`webhook-timestamp` is the time of this attempt: a request is made right before it is sent.
"""

from __future__ import annotations

from datetime import datetime

import orjson
import structlog

from deliveries import __version__
from deliveries.conf import conf
from deliveries.engine.lane import Lane
from deliveries.engine.work import Claimed, Sent, Target
from deliveries.errors import HookpostError
from deliveries.outbound.client import Request, prepared_post
from deliveries.outbound.multi import Transfers
from deliveries.protocol import ids
from deliveries.protocol.answer import HIDDEN, Answer
from deliveries.protocol.request import data_of, delivery_headers, thin_body

log = structlog.get_logger(__name__)

USER_AGENT = f"Hookpost/{__version__}"
NOT_SENT = Answer(error="not_sent", detail="No request could be made of this delivery; the worker's log says why.")


def send(lane: Lane, claimed: Claimed, *, now: datetime, transfers: Transfers) -> Sent | None:
    """Put a delivery in flight; None when no request could be made of it, which is this delivery's fault only.

    `now` is the database's time. Raises HookpostError when the lane's configuration lets nothing be signed.
    """
    if lane.target.problem:
        raise HookpostError(lane.target.problem)
    try:
        request, headers = prepare_delivery(claimed, target=lane.target, timestamp=int(now.timestamp()))
        sent = Sent(claimed=claimed, started_at=now, request_headers=kept_headers(headers, target=lane.target))
        transfers.start(request, tag=(lane, sent), timeout_seconds=lane.target.timeout_seconds)
    except HookpostError:
        raise
    except Exception:
        log.exception("delivery_not_sent", delivery_id=str(claimed.delivery_id))
        return None
    return sent


def prepare_delivery(claimed: Claimed, *, target: Target, timestamp: int) -> tuple[Request, list[tuple[str, str]]]:
    """Return the signed request with its headers in sending order; `timestamp` is in Unix seconds."""
    message_id = ids.encode_id(ids.EVENT, claimed.event_id)
    whole = claimed.body or b""
    body = _body_of(claimed.type, whole, message_id, mode=target.payload_mode)
    headers = delivery_headers(
        user_agent=USER_AGENT,
        profile=target.signing,
        keys=target.keys,
        message_id=message_id,
        timestamp=timestamp,
        body=body,
        custom=target.headers,
    )
    return prepared_post(target.url, headers, body), headers


def kept_headers(headers: list[tuple[str, str]], *, target: Target) -> str:
    """Return the headers as the log keeps them, a line each: values of the customer's own are secrets."""
    own = target.headers
    if not own:
        return "\n".join([f"{name}: {value}" for name, value in headers])
    return "\n".join([f"{name}: {HIDDEN if name in own else value}" for name, value in headers])


def _body_of(event_type: str, whole: bytes, message_id: str, *, mode: str) -> bytes:
    if mode == "full":
        return whole
    return data_of(whole) if mode == "data" else _thin(event_type, whole, message_id)


def _thin(event_type: str, body: bytes, message_id: str) -> bytes:
    moment = orjson.loads(body)["timestamp"]
    url = f"{conf.base_url}/api/v1/events/{message_id}"
    return thin_body(event_type, moment, event_id=message_id, url=url)
