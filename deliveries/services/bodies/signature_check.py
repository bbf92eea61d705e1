"""The check of an attempt's signature: what was sent, with the secrets that were valid then.

What lives here: from rows to what protocol/checking/signature_check.py compares. It must not know requests or pages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db.models import QuerySet
from django.utils.http import parse_http_date_safe

from deliveries.errors import CannotDecrypt
from deliveries.models import Attempt, Endpoint, EndpointSecret, Event
from deliveries.protocol.checking.findings import Finding
from deliveries.protocol.checking.signature_check import (
    ReceivedRequest,
    SentRequest,
    check_received,
    compare_clocks,
    expected_headers,
    is_signed_rightly,
    signed_content,
)
from deliveries.protocol.sending.batching import read_place
from deliveries.protocol.sending.payload import SHAPINGS
from deliveries.protocol.sending.request import kept_body, read_headers
from deliveries.protocol.signing.profiles import profile_of
from deliveries.protocol.signing.secrets import SigningKey, hint
from deliveries.protocol.writing import ids
from deliveries.services.bodies.sent_batches import batch_sent
from deliveries.services.bodies.sent_bodies import body_sent

TIMESTAMP = "webhook-timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """An attempt's signature step by step. `is_right` is None where a secret that signed it is gone."""

    attempt: Attempt
    signing: str
    signed_at: datetime
    timestamp: int
    content: str
    hints: Sequence[str]
    gone: Sequence[str]
    sent: Mapping[str, str]
    expected: Mapping[str, str]
    is_right: bool | None
    kinds: Collection[str]
    clock: Finding | None


def attempt_meant(attempts: Sequence[Attempt], received: ReceivedRequest) -> Attempt | None:
    """Return the attempt that a receiver's headers are of; else the newest one that was sent."""
    sent = [each for each in attempts if TIMESTAMP in read_headers(each.request_headers)]
    wanted = received.headers.get(TIMESTAMP, "").strip()
    return next(
        (each for each in sent if read_headers(each.request_headers)[TIMESTAMP] == wanted), sent[0] if sent else None
    )


def check_attempt(
    attempt: Attempt, event: Event, endpoint: Endpoint, received: ReceivedRequest
) -> tuple[SignatureCheck, list[Finding]]:
    """Return the steps, and what tells a receiver's request from the one that was sent."""
    sent = _sent_request(attempt, event, endpoint)
    own = {name: sent.headers[name] for name in sent.signature_names if name in sent.headers}
    check = SignatureCheck(
        attempt=attempt,
        signing=sent.signing,
        signed_at=datetime.fromtimestamp(sent.timestamp, UTC),
        timestamp=sent.timestamp,
        content=signed_content(sent),
        hints=sent.hints,
        gone=sorted(set(sent.hints) - {hint(key) for key in sent.keys}),
        sent=own,
        expected=expected_headers(sent) if sent.is_known else {},
        is_right=is_signed_rightly(sent) if sent.is_known else None,
        kinds={key.kind for key in sent.keys},
        clock=_clock_of(attempt, sent),
    )
    return check, check_received(sent, received)


def _sent_request(attempt: Attempt, event: Event, endpoint: Endpoint) -> SentRequest:
    """Return what was sent; of all payloads the one whose signature it carries, for it may have been changed."""
    headers = {name.lower(): value for name, value in read_headers(attempt.request_headers).items()}
    own = [name.lower() for name in profile_of(endpoint.signing).headers]
    hints = attempt.signed_with.splitlines()
    place = read_place(attempt.request_headers)
    body = kept_body(attempt.request_headers) or body_sent(event, endpoint.shaping)
    whole = body if place is None else batch_sent(attempt, place, endpoint)
    request = SentRequest(
        signing=endpoint.signing if all(name in headers for name in own) else "standard",
        message_id=headers.get("webhook-id", ids.encode_id(ids.EVENT, event.id)),
        timestamp=int(headers[TIMESTAMP]),
        body=whole or b"",
        headers=headers,
        keys=() if whole is None else _keys(attempt, endpoint, hints),  # without the body nothing can be said
        others=_opened(EndpointSecret.objects.filter(endpoint=endpoint).exclude(hint__in=hints)),
        hints=hints,
    )
    others = () if place else (replace(request, body=body_sent(event, other)) for other in SHAPINGS)
    return next((each for each in (request, *others) if is_signed_rightly(each)), request)


def _keys(attempt: Attempt, endpoint: Endpoint, hints: Sequence[str]) -> list[SigningKey]:
    """Return the keys that signed, newest first, as far as they are still there."""
    rows = EndpointSecret.objects.filter(endpoint=endpoint, created_at__lte=attempt.started_at, hint__in=hints)
    return _opened(rows)


def _opened(rows: QuerySet[EndpointSecret]) -> list[SigningKey]:
    found = []
    for row in rows.order_by("-id"):
        try:
            found.append(row.open_key())
        except CannotDecrypt:
            continue
    return found


def _clock_of(attempt: Attempt, sent: SentRequest) -> Finding | None:
    """Return how far the clock was of whoever answered, by the Date of the answer."""
    seconds = parse_http_date_safe(read_headers(attempt.response_headers).get("date", ""))
    return None if seconds is None else compare_clocks(sent.timestamp, datetime.fromtimestamp(seconds, UTC))
