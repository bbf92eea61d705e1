"""What rows hold: one named tuple for each statement whose rows are read.

What lives here: names and types of the columns, in their order. A class is named for its file: `TakeTokenRow` is a
row of take_token.sql. tests/services/test_rows.py asks PostgreSQL whether they are right. The engine's are in
engine_rows.py, those that cancel and erase in ending_rows.py. It must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class AcceptEventsRow(NamedTuple):
    """An event: how many deliveries it has, the lanes to wake, or why it was refused."""

    event_id: UUID
    refused: str | None
    deliveries: int
    pending: bool
    accepted: bool
    wake: Sequence[UUID]
    wake_slow: Sequence[UUID]
    database_time: float


class AcceptEventRow(AcceptEventsRow):
    """The same for an event that came alone; none where that is no plain case."""


class AcceptKeyedEventRow(AcceptEventsRow):
    """The same for one that came with an idempotency key; not accepted where that is known."""


class ClaimFanOutsRow(NamedTuple):
    """A leased fan-out: the customer, None for all of them, and the endpoint after which it goes on."""

    event_id: UUID
    customer_id: UUID | None
    after_id: UUID | None
    filter_ms: int


class DropDueBeforeRow(NamedTuple):
    """How many rows were due, and how many held."""

    due: int
    held: int


class FreezeLanesRow(NamedTuple):
    """A lane that was free and is nobody's now."""

    endpoint_id: UUID


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
    """What arrived at an endpoint, by the hours where they are counted, else by its newest deliveries."""

    endpoint_id: UUID
    tried_24h: int
    arrived_24h: int
    tried_1h: int
    arrived_1h: int
    is_counted: bool
    error: str | None
    status_code: int
    tried: int
    arrived: int
    has_arrived: bool


class EndpointStatsRow(NamedTuple):
    """The figures of one endpoint; the percentiles are in milliseconds."""

    deliveries: int
    states: Mapping[str, int]
    classes: Mapping[str, int]
    p50: float | None
    p95: float | None
    waiting: int


class FanOutChunkRow(NamedTuple):
    """A lane that got work."""

    endpoint_id: UUID
    slow: bool


class JudgeFiltersRow(NamedTuple):
    """An endpoint whose filter lets the event through."""

    endpoint_id: UUID


class QueueRedeliveriesRow(NamedTuple):
    """A lane that got work, and how much."""

    endpoint_id: UUID
    slow: bool
    queued: int


class QueueReplaysRow(NamedTuple):
    """A lane that got work, and how much."""

    endpoint_id: UUID
    slow: bool
    queued: int


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


class RedeliverOneRow(NamedTuple):
    """The lane of a delivery, and why it is not queued."""

    endpoint_id: UUID
    slow: bool
    refused: str | None


class RedeliverableRow(NamedTuple):
    """A delivery, when its endpoint was deleted, and why it is not queued."""

    id: UUID
    deleted_at: datetime | None
    refused: str | None


class ReplayableRow(NamedTuple):
    """An event that the endpoint never got; `doubtful`: it was not looked at, for it may end the statement."""

    id: UUID
    doubtful: bool


class RollUpAttemptsRow(NamedTuple):
    """How many attempts were counted, the last of them, and up to which id there might have been some."""

    attempts: int
    through: UUID | None
    bound: UUID


class RoundsDueRow(NamedTuple):
    """Which of the dispatcher's rounds have something to do."""

    holding: bool
    releasing: bool
    jobs: bool
    fan_outs: bool
    untold: bool
    mail: bool
    polls: bool
    challenges: bool


class SealingKeysRow(NamedTuple):
    """A key that sealed something: the newest value, with the id of its row, and how many there are."""

    kind: str
    key_id: bytes
    id: UUID
    sealed: bytes
    number: int


class StaleCredentialsRow(NamedTuple):
    """An endpoint whose credentials another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleFactorsRow(NamedTuple):
    """A second factor that another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleHeadersRow(NamedTuple):
    """An endpoint whose headers another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleImportsRow(NamedTuple):
    """An item to import that another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleSecretsRow(NamedTuple):
    """A secret that another key than the first sealed."""

    id: UUID
    sealed: bytes


class TakeJobTurnRow(NamedTuple):
    """The job whose turn it is."""

    id: UUID


class TakeTokenRow(NamedTuple):
    """What a key has left, and whether this request got a token."""

    tokens: float
    taken: bool


class TendJobsRow(NamedTuple):
    """An open job: whether all of it is queued, whether any of it waits, and whether it is held."""

    id: UUID
    state: str
    all_queued: bool
    waits: bool
    held: bool


class ValidatingTypesRow(NamedTuple):
    """An event type that judges data: whose, as of which change of its row, and how strictly.

    With `api_version` it is a released version, or what changes of the type with it.
    """

    name: str
    customer_id: UUID | None
    id: UUID
    version: str
    validation: str
    api_version: str | None


class VersionTableRow(NamedTuple):
    """A released version and a type that changes with it; without either where nothing changed since `stamp`."""

    stamp: str
    name: str | None
    event_type: str | None
    down: str | None
    up: str | None
