"""What the rows of the engine's statements hold, as rows.py has it for all others.

What lives here: names and types of the columns, in their order. It must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID


class BeatRow(NamedTuple):
    """The database's time in Unix seconds, whether the worker begins anew (it was silent, or that clock was set), and
    whether the server has gone on for long without a crash.

    `parts` is how many processes with an engine of its kind beat, this one included, `part` which of them it is;
    `longest_silence`, in seconds, what any worker asked for.
    """

    database_time: float
    begins_anew: bool
    parts: int
    part: int
    is_unbroken: bool
    longest_silence: float


class ClaimBatchRow(NamedTuple):
    """A due delivery with its event; without type and body when the event is of another day."""

    endpoint_id: UUID
    delivery_id: UUID
    manual: bool
    event_id: UUID
    rank: int
    attempts: int
    actor: str
    reason: str
    type: str | None
    body_bytes: int | None
    body: bytes | None
    trace_context: str | None
    api_version: str | None
    due_at: float | None


class FindLeftoversRow(NamedTuple):
    """How many endpoints drain now, and the last one looked at, None where no more has something queued."""

    cut: UUID | None
    endpoints: int


class EventBodiesRow(NamedTuple):
    """An event's type and body, the trace that it belongs to, and the version of its data."""

    id: UUID
    type: str
    body: bytes
    trace_context: str | None
    api_version: str | None


class FindDueLanesRow(NamedTuple):
    """A free lane with something due; `cut` is where looking stopped, which may be a lane that is not `due`."""

    endpoint_id: UUID
    customer_id: UUID
    slow: bool
    due: bool
    cut: bool


class PollableEndpointsRow(NamedTuple):
    """An endpoint with something for a poller."""

    endpoint_id: UUID


class RecordOutcomesRow(NamedTuple):
    """A lane that is still in this worker's hands, or was given back; `more` is due."""

    endpoint_id: UUID
    released: bool
    more: bool


class RecordArrivalRow(NamedTuple):
    """The same for the lane of one delivery that arrived; none where that is no plain case."""

    endpoint_id: UUID
    released: bool
    more: bool


class RenewLeasesRow(NamedTuple):
    """A lane that was kept, and how its endpoint is configured; all but its id is null where nobody asked for that."""

    endpoint_id: UUID
    url: str
    state: str
    signing: str
    shaping: str | None
    rate_limit: float | None
    max_in_flight: int
    retry_schedule: Sequence[int] | None
    timeout_seconds: int
    ordered: bool
    set_aside_after: int | None
    headers_sealed: bytes | None
    credentials_sealed: bytes | None
    secret_ids: Sequence[UUID] | None
    sealed: Sequence[bytes] | None
    hints: Sequence[str] | None


class TakeLanesRow(NamedTuple):
    """By `kind`: a leased `lane`, a `delivery` of one, or a lane that is `busy`; what is another kind's is null."""

    kind: str
    endpoint_id: UUID
    customer_id: UUID
    fence: int
    crashes: int
    suspect_id: UUID | None
    failures: int
    opened: int
    slow: bool
    window: int
    tokens: float
    tokens_age_seconds: float
    rest_seconds: float
    rest_reason: str
    url: str
    state: str
    signing: str
    shaping: str | None
    rate_limit: float | None
    max_in_flight: int
    retry_schedule: Sequence[int] | None
    timeout_seconds: int
    ordered: bool
    set_aside_after: int | None
    headers_sealed: bytes | None
    credentials_sealed: bytes | None
    secret_ids: Sequence[UUID] | None
    sealed: Sequence[bytes] | None
    hints: Sequence[str] | None
    delivery_id: UUID
    manual: bool
    event_id: UUID
    rank: int
    attempts: int
    actor: str
    reason: str
    type: str | None
    body_bytes: int | None
    body: bytes | None
    trace_context: str | None
    api_version: str | None
    due_at: float | None


class TakeLaneRow(TakeLanesRow):
    """A leased lane and its only delivery in one row."""


class PostponeRedeliveriesRow(NamedTuple):
    """Whether a redelivery by hand stays due, because somebody keeps its row locked."""

    left_due: bool


class UnlockedLanesRow(NamedTuple):
    """A lane whose row nobody has locked."""

    endpoint_id: UUID
