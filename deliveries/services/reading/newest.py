"""What the front page lists and counts besides its chart: what was given up, what is stopped, alerts.

What lives here: bounded questions and what they found. It must not know pages, nor how a number is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from deliveries import sql
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.common import clock
from deliveries.services.common.statement_timeout import TooSlow, at_most
from deliveries.sql.summary_rows import NewestAlertsRow, NewestGivenUpRow, NewestStoppedRow, OverviewCountsRow

DAY = timedelta(days=1)
ALERTS_SPAN = timedelta(days=7)
SHOWN = 10


def counts_for(viewer: Viewer, *, since: datetime, limit: int, seconds: float) -> OverviewCountsRow:
    """Count what an overview tells in numbers, each up to one beyond the limit; None is what takes too long.

    All at once; if that is too slow, each by itself, so that it spoils no other.
    """
    names = OverviewCountsRow._fields
    try:
        with at_most(seconds=seconds):
            return _counted(viewer, names, since=since, limit=limit)
    except TooSlow:
        return OverviewCountsRow(
            **{name: _alone(viewer, name, since=since, limit=limit, seconds=seconds) for name in names}
        )


def _alone(viewer: Viewer, name: str, *, since: datetime, limit: int, seconds: float) -> int | None:
    try:
        with at_most(seconds=seconds):
            found: int | None = getattr(_counted(viewer, [name], since=since, limit=limit), name)
            return found
    except TooSlow:
        return None


def _counted(viewer: Viewer, names: Sequence[str], *, since: datetime, limit: int) -> OverviewCountsRow:
    asked = {**_made(viewer, since), "wanted": list(names), "now": clock.likely_now(), "limit": limit}
    return sql.fetch(OverviewCountsRow, asked)[0]


def newest_given_up(viewer: Viewer, *, since: datetime, seconds: float) -> list[NewestGivenUpRow]:
    """Return the latest deliveries made since then whose schedule was used up; none where that takes too long."""
    try:
        with at_most(seconds=seconds):
            return sql.fetch(NewestGivenUpRow, {**_made(viewer, since), "shown": SHOWN})
    except TooSlow:
        return []


def newest_stopped(viewer: Viewer) -> list[NewestStoppedRow]:
    """Return the endpoints that were paused or disabled last."""
    return sql.fetch(NewestStoppedRow, {"customer_id": viewer.customer_id, "shown": SHOWN})


def newest_alerts(viewer: Viewer) -> list[NewestAlertsRow]:
    """Return the latest alerts of the last days; what was given up one by one is not among them."""
    since = floor_of(clock.likely_now() - ALERTS_SPAN)
    return sql.fetch(NewestAlertsRow, {"customer_id": viewer.customer_id, "since": since, "shown": SHOWN})


def _made(viewer: Viewer, since: datetime) -> dict[str, object]:
    """Whose, and made between then and tomorrow: the days that are prepared ahead are not looked into."""
    until = floor_of(clock.likely_now() + DAY)
    return {"customer_id": viewer.customer_id, "since": floor_of(since), "until": until}
