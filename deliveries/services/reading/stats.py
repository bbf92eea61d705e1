"""Figures: of one endpoint, and of the whole queue.

What lives here: bounded queries and what they found. It must not know pages or charts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError

from deliveries import sql
from deliveries.database.failures import takes_no_writes
from deliveries.models import Endpoint
from deliveries.models.visible import Viewer
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.common import clock
from deliveries.services.common.statement_timeout import waiting_for_locks
from deliveries.sql.figure_rows import EndpointStatsRow, OldestDueOfRow, OldestDueRow, QueueStatsRow

SPAN = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
NEWEST = 10_000
QUEUE_COUNT_LIMIT = 100_000
LOOKED_AT = 500  # endpoints, for a page
LOOKED_AT_FOR_METRICS = 1_000_000  # more than there are
FIRST = UUID(int=0)
REPORTER_SECONDS = 60.0
LOCK_SECONDS = 0.5  # Prometheus asks again soon
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStats:
    """What an endpoint did in a span of time; `sampled` when only its newest deliveries were looked at."""

    since: datetime
    deliveries: int
    states: Mapping[str, int]
    status_classes: Mapping[str, int]
    p50_ms: int | None
    p95_ms: int | None
    waiting: int
    sampled: bool


def endpoint_stats(endpoint: Endpoint, *, now: datetime | None = None) -> EndpointStats:
    """Return the figures of the last 24 hours."""
    since = (now or clock.likely_now()) - SPAN
    row = sql.fetch(EndpointStatsRow, {"endpoint_id": endpoint.id, "since": floor_of(since), "newest": NEWEST})[0]
    return EndpointStats(
        since=since,
        deliveries=row.deliveries,
        states={state: row.states.get(state, 0) for state in DeliveryState},
        status_classes={name: row.classes.get(name, 0) for name in CLASSES},
        p50_ms=None if row.p50 is None else round(row.p50),
        p95_ms=None if row.p95 is None else round(row.p95),
        waiting=row.waiting,
        sampled=row.deliveries >= NEWEST,
    )


def is_reporter(node: str, *, leads: bool = False) -> bool:
    """Say whether a node is the one that reports the figures of the whole database, and keep it so for a while.

    The dispatcher that leads always is; where nobody asks it for figures, one web node.
    """
    try:
        with waiting_for_locks(seconds=LOCK_SECONDS):
            return bool(sql.run("report_figures", {"node": node, "seconds": REPORTER_SECONDS, "leads": leads}))
    except DatabaseError as error:
        if not takes_no_writes(error):
            raise
        return True  # nobody can be told apart on a standby


def queue_stats(*, now: datetime | None = None) -> QueueStatsRow:
    """Return what waits, and what went through in the last minute; counts stop at a limit.

    Raises OperationalError soon where one of the tables is locked.
    """
    since = floor_of((now or clock.likely_now()) - MINUTE)
    with waiting_for_locks(seconds=LOCK_SECONDS):
        asked = {"since": since, "limit": QUEUE_COUNT_LIMIT, "after": FIRST, "probes": LOOKED_AT_FOR_METRICS}
        return sql.fetch(QueueStatsRow, asked)[0]


def oldest_due(viewer: Viewer) -> OldestDueRow:
    """Return how long something has been due that a viewer may know of; a bounded number of endpoints is looked at."""
    with waiting_for_locks(seconds=LOCK_SECONDS):
        if viewer.customer_id is None:
            return sql.fetch(OldestDueRow, {"after": FIRST, "probes": LOOKED_AT})[0]
        asked = {"customer_id": viewer.customer_id, "endpoints": LOOKED_AT}
        return sql.fetch(OldestDueOfRow, asked)[0]
