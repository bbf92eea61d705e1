"""Days of the destination's log for what is brought: also old ones, of which something may still wait.

What lives here: finding out which, and opening those that are missing. It must not know what is copied.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from psycopg import sql

from deliveries.cells.cell import Link, value_of
from deliveries.protocol.writing.ids import time_of
from deliveries.services.housekeeping.retention import (
    PARTITIONS,
    TABLES,
    WORK_LOCK,
    bounds_of,
    create_statements,
    midnight,
)

OLDEST_DUE = """
SELECT least(event_id, delivery_id) FROM hookpost_due_delivery
WHERE endpoint_id IN (SELECT id FROM hookpost_endpoint WHERE customer_id = %s) ORDER BY 1 LIMIT 1
"""
EXISTS = "SELECT to_regclass(%s) IS NOT NULL"


def open_days(link: Link, *, since: datetime) -> int:
    """Open the destination's days from a moment on, or from the oldest that waits; returns how many were missing."""
    oldest = value_of(link.source, OLDEST_DUE, link.customer_id)
    if isinstance(oldest, UUID):
        since = min(since, time_of(oldest))
    today = value_of(link.destination, "SELECT now()")
    assert isinstance(today, datetime)
    present = {name for (name,) in link.destination.execute(PARTITIONS, [list(TABLES)])}
    day, opened = midnight(since) - timedelta(days=1), 0
    while day <= today:
        opened += sum(_open(link, t, name, day) for t in TABLES if (name := f"{t}_p{day:%Y%m%d}") not in present)
        day += timedelta(days=1)
    return opened


def _open(link: Link, table: str, name: str, day: datetime) -> bool:
    with link.destination.transaction():
        for statement in WORK_LOCK:
            link.destination.execute(sql.SQL(statement))
        if value_of(link.destination, EXISTS, name):
            return False
        for statement in create_statements(table, name, bounds_of(day)):
            link.destination.execute(sql.SQL(statement))
    return True
