"""What the rows of the overviews' statements hold, as rows.py has it for others.

What lives here: names and types of the columns, in their order. It must not know what they are for.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class OverviewCountsRow(NamedTuple):
    """How many there are of each, up to a limit; None of what was not asked for."""

    given_up: int | None
    failing: int | None
    resting: int | None
    stopped: int | None


class FailingGroupsRow(NamedTuple):
    """A failure group with its endpoint; `is_over` when it ended by itself."""

    id: UUID
    endpoint_id: UUID
    customer_id: UUID
    error: str
    status_code: int
    first_at: datetime
    last_at: datetime
    deliveries: int
    is_known: bool
    is_over: bool
    url: str
    customer: str
    failing_since: datetime | None


class NewestGivenUpRow(NamedTuple):
    """A delivery that was given up."""

    id: UUID
    event_type: str
    status_code: int | None
    error: str
    failed_at: datetime
    url: str
    customer: str


class NewestStoppedRow(NamedTuple):
    """An endpoint that is paused or disabled."""

    id: UUID
    url: str
    state: str
    state_reason: str
    state_changed_at: datetime
    customer: str


class NewestAlertsRow(NamedTuple):
    """An alert, with its endpoint where it is about one."""

    kind: str
    reason: str
    created_at: datetime
    mailed_at: datetime | None
    mail_due_at: datetime | None
    endpoint_id: UUID | None
    url: str | None
    is_deleted: bool
    customer: str | None
