"""Hookpost: webhook delivery, the sender's side. The way of an event, one file per step:

 1. api/emit.py                       a service posts an event
 2. services/accepting/events.py      accept: one statement stores it and fans it out (sql/accept_event.sql or its kin)
 3. actors.py                         wake: one Dramatiq message names the lanes that got work
 4. engine/dispatcher.py              the dispatcher finds due lanes by itself when a message was lost
 5. engine/intake.py                  what to lease next, engine/leases.py lease and claim: one round trip
                                      (sql/take_lanes.sql)
 6. engine/loop.py                    the engine: take, claim, feed, collect, record; engine/lane.py what a lane may do
 7. engine/outbox.py                  who may start a request, engine/sender.py from a claimed delivery to a request
 8. protocol/signing/signatures.py    Standard Webhooks, and the schemes of other senders
 9. outbound/multi.py                 many requests over one libcurl multi; outbound/guard.py sees each address
10. protocol/answers/outcome.py       what an answer means: succeeded, retry, exhausted, rest, disable
11. engine/recorder.py                what came of it, written down: one round trip (sql/record_outcomes.sql)
12. services/resending/redelivery.py  sending again by hand, jobs.py beside it in bulk;
    services/telling/alerts.py        what failed is told; services/housekeeping/retention.py drops days

Beside the packages: conf.py with all settings, variables.py and address_variables.py how each is read, their groups in
network_settings.py, process_settings.py, trace_settings.py, identity_settings.py, oidc_settings.py, brand_settings.py
and host_settings.py (those of a project around this one); checks.py and provider_checks.py what is wrong with them;
errors.py; apps.py, embedding.py what such a project needs; pictures.py, drawings.py, request_ids.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:  # the apps are not loaded when this package is
    from deliveries.api.python_api import Emitted
    from deliveries.models import Customer

__version__ = "0.1.0"


def emit(
    customer: Customer | UUID | str,
    event_type: str,
    data: Mapping[str, object],
    *,
    timestamp: datetime | None = None,
    deliver_at: datetime | None = None,
    idempotency_key: str | None = None,
    traceparent: str | None = None,
    tracestate: str = "",
    tags: Sequence[str] = (),
    api_version: str | None = None,
) -> Emitted:
    """Emit an event inside the caller's own transaction; see deliveries/api/python_api.py."""
    from deliveries.api import python_api

    written = dict(data) if isinstance(data, Mapping) else data  # what is no object is refused there
    return python_api.emit(
        customer,
        event_type,
        written,
        timestamp=timestamp,
        deliver_at=deliver_at,
        idempotency_key=idempotency_key,
        traceparent=traceparent,
        tracestate=tracestate,
        tags=tags,
        api_version=api_version,
    )
