"""What a move would bring, counted, and what stands against it. Nothing is changed.

What lives here: the lines of a dry run. It must not know how rows are moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from psycopg import sql

from deliveries.cells.agreement import unknown_keys
from deliveries.cells.cell import Link
from deliveries.cells.move import refuse
from deliveries.cells.moved_tables import DELIVERIES, DUE, EVENTS, KEYS, LANES, MEMBERS, SETTINGS, Table
from deliveries.errors import Conflict
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.common import clock

COUNT = "SELECT count(*) FROM {name} r WHERE {where}"


def survey(link: Link, *, log_days: int) -> Iterator[str]:
    """Yield a line for each table with rows to be moved, and one for what hinders the move."""
    since = floor_of(clock.likely_now() - timedelta(days=log_days))
    for table in (*SETTINGS, MEMBERS, LANES, EVENTS, DELIVERIES, KEYS, DUE):
        if number := _count(link, table, since if table in (EVENTS, DELIVERIES) else None):
            yield f"{table.name.removeprefix('hookpost_')}: {number:,}"
    if missing := unknown_keys(link):
        yield f"{link.name} does not know the keys of these services: {', '.join(missing)}."
    try:
        refuse(link)
        yield f"It may move to {link.name}. Nothing was changed."
    except Conflict as error:
        yield f"It cannot move to {link.name}: {error}."


def _count(link: Link, table: Table, since: object) -> int:
    statement = COUNT.format(name=table.name, where=table.where) + ("" if since is None else " AND r.id >= %(since)s")
    row = link.source.execute(sql.SQL(statement), {"customer": link.customer_id, "since": since}).fetchone()
    assert row
    return int(str(row[0]))
