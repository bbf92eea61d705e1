"""Rows of a lane that somebody else keeps locked: by hand in psql, or in a transaction that does not end.

What lives here: doing something for many lanes in one statement and, where a row of one of them stays locked, for the
others without it. PostgreSQL ends the wait after a moment (`lock_timeout`, see sql/__init__.py). It must not know what
is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from django.db import OperationalError

from deliveries import sql
from deliveries.database.failures import is_locked
from deliveries.engine.lane import Lane
from deliveries.sql.engine_rows import UnlockedLanesRow

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def for_unlocked(
    act: Callable[[Sequence[Lane]], Result], lanes: Sequence[Lane], *, clock: Callable[[], float]
) -> tuple[list[Result], Sequence[Lane]]:
    """Do something for lanes together or, where a row stays locked, without its lane, which is left alone then.

    Returns what `act` returned, and the lanes left out.
    """
    try:
        return [act(lanes)], ()
    except OperationalError as error:
        if not is_locked(error):
            raise
    free = _unlocked(lanes) if len(lanes) > 1 else []
    # Where no lane is locked, it is another row: of a delivery, or of a job.
    parts: list[Sequence[Lane]] = [free] if 0 < len(free) < len(lanes) else [[lane] for lane in free]
    results: list[Result] = []
    left = [lane for lane in lanes if lane not in free]
    for lane in left:
        log.warning("row_locked", endpoint_id=str(lane.endpoint_id))
        lane.note_locked(clock())
    for part in parts:
        done, locked = for_unlocked(act, part, clock=clock)
        results += done
        left += locked
    return results, left


def unless_locked(act: Callable[[], object], lane: Lane) -> bool:
    """Do something for one lane and say whether it came about: where a row stays locked, it did not."""
    try:
        act()
    except OperationalError as error:
        if not is_locked(error):
            raise
        log.warning("row_locked", endpoint_id=str(lane.endpoint_id))
        return False
    return True


def _unlocked(lanes: Sequence[Lane]) -> list[Lane]:
    """Return those of the lanes whose own row nobody has locked."""
    rows = sql.fetch(UnlockedLanesRow, {"endpoint_ids": [lane.endpoint_id for lane in lanes]})
    free = {row.endpoint_id for row in rows}
    return [lane for lane in lanes if lane.endpoint_id in free]
