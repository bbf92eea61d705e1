"""What the rows of the statements that count hold, as rows.py has it for others.

What lives here: names and types of the columns, in their order. It must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class OverviewHoursRow(NamedTuple):
    """Attempts of one hour or day that ended in one way, the first ones by how long they took (DURATIONS_MS)."""

    at: datetime
    ending: str
    attempts: int
    d1: int
    d2: int
    d3: int
    d4: int
    d5: int
    d6: int
    d7: int
    d8: int
    d9: int
    d10: int
    d11: int


class EndpointStripsRow(NamedTuple):
    """Attempts of an endpoint in one hour."""

    endpoint_id: UUID
    hour: datetime
    arrived: int
    failed: int


class EndpointHealthRow(NamedTuple):
    """What arrived at an endpoint, by the hours where they are counted."""

    endpoint_id: UUID
    tried_24h: int
    arrived_24h: int
    tried_1h: int
    arrived_1h: int
    is_counted: bool
    error: str | None
    status_code: int


class LatelyAtEndpointsRow(NamedTuple):
    """What the newest deliveries to an endpoint came to."""

    endpoint_id: UUID
    tried: int
    arrived: int
    has_arrived: bool
    error: str | None
    status_code: int


class EndpointStatsRow(NamedTuple):
    """The figures of one endpoint; the percentiles are in milliseconds."""

    deliveries: int
    states: Mapping[str, int]
    classes: Mapping[str, int]
    p50: float | None
    p95: float | None
    waiting: int


class OldestDueRow(NamedTuple):
    """How long something has been due, at least where not all lanes were looked at."""

    seconds: float
    is_cut: bool


class OldestDueOfRow(OldestDueRow):
    """The same for one customer's endpoints."""


class QueueStatsRow(NamedTuple):
    """The figures of the whole queue."""

    due: int
    held: int
    lanes_leased: int
    lanes_resting: int
    lanes_slow: int
    endpoints_failing: int
    certificates_ending: int
    oldest_due_seconds: float
    oldest_leased_seconds: float
    oldest_resting_seconds: float
    oldest_polled_seconds: float
    endpoints_unverified: int
    customers_frozen: int
    accepted_last_minute: int
    attempts_last_minute: int
