"""The states of a delivery, as docs/architecture.md charts them.

What lives here: the states and what follows from one alone. Who asks what a state means matches all of them and ends
with assert_never, so that mypy names each place that has to know a new one; the statements in sql/ name states too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    HELD = "held"
    SUCCEEDED = "succeeded"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"


def is_waiting(state: DeliveryState) -> bool:
    """Say whether the schedule has a due row for it: it waits for something, its moment at least."""
    match state:
        case DeliveryState.PENDING | DeliveryState.HELD:
            return True
        case DeliveryState.SUCCEEDED | DeliveryState.EXHAUSTED | DeliveryState.CANCELLED:
            return False
    assert_never(state)


def is_unfinished(state: DeliveryState) -> bool:
    """Say whether it neither arrived nor was given up: it failed only if it was tried."""
    match state:
        case DeliveryState.PENDING | DeliveryState.HELD | DeliveryState.CANCELLED:
            return True
        case DeliveryState.SUCCEEDED | DeliveryState.EXHAUSTED:
            return False
    assert_never(state)
