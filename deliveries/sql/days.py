"""Which day's partition rows belong to, by their ids.

What lives here: arithmetic. It must not know which tables have partitions, nor whether a day's is open.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

DAY_MS = 86_400_000


def day_of(ids: Iterable[UUID]) -> str:
    """Return the day of these UUIDv7, such as 20261128; empty when they are of several days, or none."""
    days = {(each.int >> 80) // DAY_MS for each in ids}
    return name_of_day(days.pop()) if len(days) == 1 else ""


def today() -> str:
    """Return the day of this host's clock; it is written once, for writing takes longer than all that asks for it."""
    return name_of_day(int(time.time() * 1000) // DAY_MS)


@lru_cache(maxsize=64)
def name_of_day(number: int) -> str:
    """Return a day by its number since 1970, such as 20261128."""
    return f"{datetime.fromtimestamp(number * DAY_MS / 1000, UTC):%Y%m%d}"
