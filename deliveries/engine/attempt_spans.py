"""A span for each attempt, in the trace of its event, and one for each claim.

What lives here: their attributes. Nothing secret is in them: no path of a URL, no header, no body. Called only where
this process makes spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deliveries.engine.attempt_log import worker_name
from deliveries.engine.lane import Lane
from deliveries.engine.work import Claimed, Finished
from deliveries.protocol.writing import ids

if TYPE_CHECKING:
    from deliveries.tracing.spans import Spans


def end_attempts(spans: Spans, rows: Sequence[tuple[Lane, Finished]]) -> None:
    """End the spans of attempts that are recorded; one of which no request was made has a span of no length."""
    for lane, finished in rows:
        begun = finished.begun
        spans.end(
            begun or spans.attempt(finished.claimed.trace_context),
            attributes=_attributes(lane, finished),
            error=finished.outcome.error,
            duration_ms=finished.answer.duration_ms if begun else 0,
        )


def end_claim(spans: Spans, claimed: Iterable[Claimed], *, began_ns: int, lanes: int) -> None:
    """Make the span of a claim that got something."""
    contexts = [each.trace_context for each in claimed]
    if contexts:
        attributes: Mapping[str, str | int | bool] = {
            "hookpost.lanes": lanes,
            "hookpost.deliveries": len(contexts),
            "hookpost.worker": worker_name(),
        }
        spans.claimed(contexts, began_ns=began_ns, attributes=attributes)


def _attributes(lane: Lane, finished: Finished) -> dict[str, str | int | bool]:
    claimed, answer = finished.claimed, finished.answer
    found: dict[str, str | int | bool | None] = {
        "http.request.method": lane.endpoint.shaping.method if lane.endpoint.shaping else "POST",
        "http.response.status_code": answer.status or None,
        "server.address": urlsplit(lane.endpoint.url).hostname,
        "network.peer.address": answer.address or None,
        "hookpost.event_id": ids.encode_id(ids.EVENT, claimed.event_id),
        "hookpost.event_type": claimed.type,
        "hookpost.delivery_id": ids.encode_id(ids.DELIVERY, claimed.delivery_id),
        "hookpost.attempt_id": ids.encode_id(ids.ATTEMPT, finished.attempt_id),
        "hookpost.endpoint_id": ids.encode_id(ids.ENDPOINT, lane.endpoint_id),
        "hookpost.customer_id": ids.encode_id(ids.CUSTOMER, lane.customer_id),
        "hookpost.number": claimed.number,
        "hookpost.state": str(finished.outcome.state),
        "hookpost.worker": worker_name(),
        "hookpost.dns_ms": answer.phases.dns_ms,
        "hookpost.connect_ms": answer.phases.connect_ms,
        "hookpost.tls_ms": answer.phases.tls_ms,
        "hookpost.first_byte_ms": answer.phases.first_byte_ms,
    }
    return {name: value for name, value in found.items() if value is not None}
