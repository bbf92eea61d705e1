"""Rows of one table from the source into the destination, by PostgreSQL's binary COPY: in memory there is a block.

What lives here: bringing rows into a table of the session, and merging that into the real one. It must not know what
rows mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from psycopg import sql

from deliveries.cells.cell import Connection, Link
from deliveries.cells.moved_tables import Table

COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""

Parameters = Mapping[str, object]


def columns_of(connection: Connection, table: str) -> list[str]:
    """Return the names of a table's columns."""
    return [str(name) for (name,) in connection.execute(COLUMNS, [table])]


def bring(link: Link, table: Table, *, chosen: str = "", parameters: Parameters | None = None) -> int:
    """Copy rows into the destination's table `incoming_…`, empty before in this transaction; returns how many.

    `chosen` is what stands behind FROM and names the row r; without it all rows of the customer are meant.
    """
    columns = _listed(columns_of(link.source, table.name), prefix="r.")
    source = chosen or f"{table.name} r WHERE {table.where}"
    named = _listed(columns_of(link.source, table.name))
    link.destination.execute(
        sql.SQL(f"CREATE TEMP TABLE IF NOT EXISTS {table.incoming} (LIKE {table.name}) ON COMMIT DELETE ROWS")
    )
    link.destination.execute(sql.SQL(f"TRUNCATE {table.incoming}"))
    reading = sql.SQL(f"COPY (SELECT {columns} FROM {source}) TO STDOUT (FORMAT BINARY)")  # noqa: S608
    writing = sql.SQL(f"COPY {table.incoming} ({named}) FROM STDIN (FORMAT BINARY)")
    given = {"customer": link.customer_id} | dict(parameters or {})
    return _pour(link.source, reading, given, link.destination, writing)


def merge(link: Link, table: Table) -> int:
    """Write what has come in into the real table; returns how many rows are new or were written over."""
    statement = merge_statement(table, tuple(columns_of(link.destination, table.name)))
    return link.destination.execute(sql.SQL(statement)).rowcount


@lru_cache(maxsize=64)
def merge_statement(table: Table, columns: tuple[str, ...]) -> str:
    """Return the statement that writes what has come in into the real table."""
    names, key = _listed(list(columns)), {name.strip() for name in table.key.split(",")}
    kept = key | {"id"}
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in kept)
    conflict = f"({table.key}) DO UPDATE SET {changes}" if table.key else "DO NOTHING"
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {table.incoming} ON CONFLICT {conflict}"  # noqa: S608


def drop_others(link: Link, table: Table) -> None:
    """Delete the customer's rows that did not come in: the source has them no more."""
    gone = f"NOT EXISTS (SELECT FROM {table.incoming} i WHERE i.id = r.id)"
    link.destination.execute(
        sql.SQL(f"DELETE FROM {table.name} r WHERE {table.where} AND {gone}"),  # noqa: S608
        {"customer": link.customer_id},
    )


def send_ids(link: Link, chosen: str, *, into: str, parameters: Parameters) -> None:
    """Copy ids of the destination's rows into the source's table of this session, emptied before."""
    link.source.execute(sql.SQL(f"CREATE TEMP TABLE IF NOT EXISTS {into} (id uuid)"))
    link.source.execute(sql.SQL(f"TRUNCATE {into}"))
    given = {"customer": link.customer_id} | dict(parameters)
    reading = sql.SQL(f"COPY (SELECT r.id FROM {chosen}) TO STDOUT (FORMAT BINARY)")  # noqa: S608
    writing = sql.SQL(f"COPY {into} FROM STDIN (FORMAT BINARY)")
    _pour(link.destination, reading, given, link.source, writing)
    link.source.execute(sql.SQL(f"ANALYZE {into}"))


def _pour(giver: Connection, reading: sql.SQL, parameters: Parameters, taker: Connection, writing: sql.SQL) -> int:
    """Pass what one COPY gives on to another, block by block; returns how many rows it was."""
    with giver.cursor() as there, taker.cursor() as here:
        with there.copy(reading, parameters) as out, here.copy(writing) as into:
            for block in out:
                into.write(block)
        return here.rowcount


def _listed(columns: list[str], *, prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in columns)
