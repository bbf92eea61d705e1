"""What the rows of the statements that cancel and erase hold, as rows.py has it for all others.

What lives here: names and types of the columns, in their order. It must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID


class CancelDeliveriesRow(NamedTuple):
    """How many deliveries were cancelled."""

    cancelled: int


class CancelDueRow(NamedTuple):
    """How many due deliveries were found, how many of them were taken out, which, and of which events."""

    found: int
    taken: int
    delivery_ids: Sequence[UUID]
    event_ids: Sequence[UUID]


class CancelEventRow(NamedTuple):
    """How many deliveries of an event were cancelled."""

    cancelled: int


class EraseDeliveriesRow(NamedTuple):
    """The last delivery that was looked at, None when there was none, how many were cancelled, and their attempts."""

    last_id: UUID | None
    cancelled: int
    attempt_ids: Sequence[UUID] | None


class EraseEventsRow(NamedTuple):
    """How many events were erased."""

    number: int


class EraseLogRow(NamedTuple):
    """How many deliveries were erased."""

    number: int


class LoggedEndpointsRow(NamedTuple):
    """The last delivery that was looked at, and of which endpoints they are; None when there was none."""

    last_id: UUID | None
    endpoint_ids: Sequence[UUID] | None


class EraseTracesRow(NamedTuple):
    """How many rows were erased."""

    number: int
