"""Backlogs of paused and resumed endpoints: held, and released again a second's worth at a time.

What lives here: a bounded step of each, and where looking for what was held by chance stopped. It must not know when
the next step is.
"""

from __future__ import annotations

from uuid import UUID

from deliveries import sql
from deliveries.conf import conf
from deliveries.engine.agenda import ZERO
from deliveries.sql.engine_rows import FindLeftoversRow

HOLD_CHUNK = 5000
PROBES = 10_000  # endpoints with something queued that are looked at together


def hold_backlogs() -> int:
    """Mark what is due of paused and disabled endpoints as held, a bounded number; returns how many."""
    return sql.run("hold_backlogs", {"limit": HOLD_CHUNK})


def release_backlogs() -> int:
    """Let resumed endpoints have their next second's worth of held deliveries; returns how many."""
    return sql.run("release_backlogs", {"rate": conf.resume_rate})


class Leftovers:
    """Enabled endpoints that hold something although nothing drains any more: a resume and an event met.

    Each call looks at the next ones with something queued, so that a round costs the same with a hundred thousand.
    """

    def __init__(self) -> None:
        self._after: UUID = ZERO

    def find(self) -> int:
        """Let those drain that are found; returns how many."""
        (row,) = sql.fetch(FindLeftoversRow, {"after": self._after, "probes": PROBES})
        self._after = row.cut or ZERO
        return row.endpoints
