"""The released versions with their mappings, as a process knows them.

What lives here: one memory for each process, at most a second old, and the way of an event by it. Nothing asks for it
where no event was emitted in a version and no endpoint is pinned to one. It must not know how a mapping is evaluated.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from django.db import transaction

from deliveries import sql
from deliveries.protocol.events.api_versions import Mappings, Route, VersionTable
from deliveries.services.catalogue.validation import forget_rules
from deliveries.sql.rows import VersionTableRow

REFRESH_SECONDS = 1.0
SOONER_SECONDS = 0.1  # where a name is met that is not known

_reading = threading.Lock()


class _Memory:
    """What was read last, and when."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Read everything anew."""
        self.table, self.stamp, self.read_at = VersionTable(), "", float("-inf")

    def read(self) -> None:
        """Read what changed since the last time."""
        now = time.monotonic()
        rows = sql.fetch(VersionTableRow, {"known": self.stamp})
        if rows[0].stamp != self.stamp:
            self.table, self.stamp = _table_of(rows), rows[0].stamp
        self.read_at = now


_memory = _Memory()


def version_table(*needed: str | None) -> VersionTable:
    """Return the versions, at most a second old, or a tenth where one of the needed is missing."""
    with _reading:
        age = time.monotonic() - _memory.read_at
        if age > REFRESH_SECONDS or (age > SOONER_SECONDS and not all(map(_memory.table.knows, needed))):
            _memory.read()
        return _memory.table


def route_of(event_type: str, emitted: str | None, wanted: str | None) -> Route | None:
    """Return the way of an event to what an endpoint is pinned to; None without versions. Raises CannotShape.

    No database is asked for what was emitted before there were versions, and goes to an endpoint of then.
    """
    if emitted is None and wanted is None:
        return None
    return version_table(emitted, wanted).route(event_type, emitted, wanted)


def forget_versions() -> None:
    """Have changes that this process made seen by it at once, when they are committed."""
    transaction.on_commit(_forget)


def _forget() -> None:
    with _reading:
        _memory.forget()
    forget_rules()


def _table_of(rows: Sequence[VersionTableRow]) -> VersionTable:
    names = list(dict.fromkeys(row.name for row in rows if row.name is not None))
    changes: dict[str, dict[int, Mappings]] = {}
    for row in rows:
        if row.name is not None and row.event_type is not None:
            of_type = changes.setdefault(row.event_type, {})
            of_type[names.index(row.name)] = Mappings(row.down or "", row.up or "")
    return VersionTable(names=names, changes=changes)
