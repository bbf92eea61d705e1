"""One wide line in the log for each recorded attempt: whose it was, where it went, what came of it, who sent it.

What lives here: which attempts have a line, and what stands in it. Its ids lead to the pages. Nothing that a customer
or a receiver chose stands in it but the host's name: no path of a URL, header, body or reason. Decides nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from deliveries.conf import conf
from deliveries.engine.lane import Lane
from deliveries.engine.work import Finished
from deliveries.protocol.writing import ids, timestamps
from deliveries.protocol.writing.trace_context import trace_id_of

log = structlog.get_logger(__name__)

SUCCEEDED = "succeeded"
_HOST = socket.gethostname()

Fields = dict[str, object]


def is_logged() -> bool:
    """Say whether any attempt has a line."""
    return bool(conf.log_failed_percent or conf.log_succeeded_percent)


def log_attempts(rows: Sequence[tuple[Lane, Finished]], *, kept: Collection[UUID], now: float) -> None:
    """Write the lines of a batch that is stored; `kept` names the lanes whose leases were still this worker's."""
    for lane, finished in rows:
        if is_chosen(finished):
            fields = _whose(lane, finished) | _what_came(finished) | _times(finished) | _lane(lane, now)
            log.info("attempt_finished", **fields, lease_lost=lane.endpoint_id not in kept)


def is_chosen(finished: Finished) -> bool:
    """Say whether an attempt has a line: by its delivery, so that a delivery has all lines of a kind or none."""
    share = conf.log_failed_percent if finished.outcome.error else conf.log_succeeded_percent
    return finished.claimed.delivery_id.int % 100 < share


def worker_name() -> str:
    """Return what a person calls this process."""
    return f"{_HOST}:{os.getpid()}"


def _whose(lane: Lane, finished: Finished) -> Fields:
    claimed = finished.claimed
    return {
        "attempt_id": ids.encode_id(ids.ATTEMPT, finished.attempt_id),
        "delivery_id": ids.encode_id(ids.DELIVERY, claimed.delivery_id),
        "event_id": ids.encode_id(ids.EVENT, claimed.event_id),
        "endpoint_id": ids.encode_id(ids.ENDPOINT, lane.endpoint_id),
        "customer_id": ids.encode_id(ids.CUSTOMER, lane.customer_id),
        "event_type": claimed.type,
        "trace_id": trace_id_of(claimed.trace_context),
        "number": claimed.number,
        "actor": claimed.actor or None,
        "worker": worker_name(),
        "worker_id": str(lane.worker_id),
    }


def _what_came(finished: Finished) -> Fields:
    answer, outcome = finished.answer, finished.outcome
    changes = not (outcome.error and finished.claimed.manual)
    return {
        "outcome": outcome.error or SUCCEEDED,
        "state": str(outcome.state) if changes else None,
        "status": answer.status or None,
        "address": answer.address or None,
        "retry_in_seconds": outcome.retry_in_seconds,
        "event_bytes": finished.claimed.body_bytes,
        "answer_bytes": len(answer.body),
        "answer_truncated": answer.truncated,
    }


def _times(finished: Finished) -> Fields:
    """Return moments and spans; what did not happen, as TLS on a kept connection, is null."""
    phases, due_at = finished.answer.phases, finished.claimed.due_at
    waited = None if due_at is None else max(0, round((finished.started_at.timestamp() - due_at) * 1000))
    return {
        "started_at": timestamps.write(finished.started_at),
        "waited_ms": waited,
        "duration_ms": finished.answer.duration_ms,
        "dns_ms": phases.dns_ms,
        "connect_ms": phases.connect_ms,
        "tls_ms": phases.tls_ms,
        "first_byte_ms": phases.first_byte_ms,
    }


def _lane(lane: Lane, now: float) -> Fields:
    """Return what the lane was like when its batch was recorded."""
    resting = lane.rest_seconds(now)
    return {
        "host": urlsplit(lane.endpoint.url).hostname,
        "lane_fence": lane.fence,
        "lane_failures": lane.standing.breaker.failures,
        "lane_opened": lane.standing.breaker.opened,
        "lane_rests_seconds": round(resting, 1) or None,
        "lane_rest_reason": str(lane.rest_reason) if resting else None,
        "lane_slow": lane.slow,
        "lane_width": lane.width(),
        "lane_in_flight": len(lane.in_flight),
        "lane_waiting": len(lane.waiting),
        "lane_crashes": lane.crashes,
    }
