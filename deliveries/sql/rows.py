"""What rows hold: one named tuple for each statement whose rows are read.

What lives here: names and types of the columns, in their order. A class is named for its file: `TakeTokenRow` is a
row of take_token.sql. tests/services/test_rows.py asks PostgreSQL whether they are right. The engine's are in
engine_rows.py, those that cancel and erase in ending_rows.py. It must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class CountRedeliverableRow(NamedTuple):
    """How many of some deliveries would be queued."""

    number: int


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
