"""Operational events: what Hookpost itself tells the endpoints that ask for it.

What lives here: their names, what they mean, and an example of each, for tests and for the description of the API.
It must not know when they are emitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deliveries.protocol.events.event_types import OPERATIONAL_PREFIX

_ENDPOINT = {"endpoint": "ep_01k2h0q5y8fv3r7m9d4a6cwxzt", "endpoint_uid": "shop"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationalType:
    """A type of event that only Hookpost emits; `example` is its data."""

    name: str
    description: str
    example: Mapping[str, object]


OPERATIONAL: Mapping[str, OperationalType] = {
    each.name: each
    for each in (
        OperationalType(
            name=OPERATIONAL_PREFIX + "endpoint.failing",
            description="Every attempt to reach an endpoint has failed for a day.",
            example=_ENDPOINT
            | {"failing_since": "2026-01-30T12:00:00.000Z", "disabled_after": "2026-02-04T12:00:00.000Z"},
        ),
        OperationalType(
            name=OPERATIONAL_PREFIX + "endpoint.disable_warning",
            description="Half of the time (then 70 and 90 %) is over after which an endpoint that fails is disabled.",
            example=_ENDPOINT
            | {
                "failing_since": "2026-01-30T12:00:00.000Z",
                "disabled_after": "2026-02-04T12:00:00.000Z",
                "percent": 50,
            },
        ),
        OperationalType(
            name=OPERATIONAL_PREFIX + "endpoint.certificate_ending",
            description="A certificate of an endpoint ends within 30 days (then 7, then 1).",
            example=_ENDPOINT | {"certificate": "certificate", "expires_at": "2026-03-01T12:00:00.000Z", "days": 30},
        ),
        OperationalType(
            name=OPERATIONAL_PREFIX + "endpoint.disabled",
            description="An endpoint was disabled, and not by a person or a key; its deliveries are held.",
            example=_ENDPOINT
            | {
                "disabled_at": "2026-02-04T12:00:00.000Z",
                "reason": "no delivery has arrived for 5 days",
                "failing_since": "2026-01-30T12:00:00.000Z",
            },
        ),
        OperationalType(
            name=OPERATIONAL_PREFIX + "delivery.exhausted",
            description="The retry schedule of a delivery is used up; it can be sent again by hand.",
            example=_ENDPOINT
            | {
                "delivery": "dlv_01k2h0q5y8fv3r7m9d4a6cwxzt",
                "event": "evt_01k2h0q5y8fv3r7m9d4a6cwxzt",
                "event_type": "invoice.paid",
                "attempts": 10,
                "status_code": 500,
                "error": "http_5xx",
                "exhausted_at": "2026-02-03T12:00:00.000Z",
            },
        ),
    )
}
