"""Up to where the log of events is complete.

What lives here: the horizon of the feed. It must not know requests. An id is made a little before its
row is committed, so a row may appear before ones that were seen already; who only asks for what comes
after the last id would never see it. Before the horizon that cannot happen any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from deliveries.protocol.writing.ids import floor_of

SETTLE_SECONDS = 0.25
LONGEST_TRANSACTION = timedelta(seconds=60)

_OLDEST_WRITER = """
SELECT min(xact_start), clock_timestamp() FROM pg_stat_activity
WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""


def settled_before(now: datetime | None = None) -> UUID:
    """Return the bound below which no event can appear any more, by the database's clock.

    A transaction that writes for longer than a minute is not waited for: the feed must not stand still.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_WRITER)
        oldest, moment = cursor.fetchone()
    now = now or moment
    settle = timedelta(seconds=SETTLE_SECONDS)
    bound = now - settle if oldest is None else min(now, oldest) - settle
    return floor_of(max(bound, now - LONGEST_TRANSACTION))
