"""How many rows PostgreSQL reads: counted, so that no test depends on how fast a machine is.

What lives here: the counters of one transaction, so it is for tests inside one. It must not know who reads what for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

COUNTED = """
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int
FROM pg_stat_xact_all_tables WHERE relname LIKE %s
"""
NEVER_ANALYZED = (
    "DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE %s",
    "UPDATE pg_class SET relpages = 0, reltuples = -1 WHERE relname LIKE %s AND relkind IN ('r', 'p')",
)


@dataclass(slots=True)
class Read:
    """How many rows were read inside of a block, once it is over."""

    rows: int = 0


@contextmanager
def rows_read(tables: str = "hookpost_%") -> Iterator[Read]:
    """Count the rows that are read of tables, those that an index leads to and those that are looked through.

    Of a table of some rows PostgreSQL would look through all where it has counted them, or along any index: what other
    tests left counted is forgotten, and only where there is no index are they looked through here.
    """
    read, before = Read(), _counted(tables)
    forget_statistics(tables)
    _run("SET LOCAL enable_seqscan = off")
    yield read
    _run("SET LOCAL enable_seqscan = on")
    read.rows = _counted(tables) - before


def forget_statistics(tables: str = "hookpost_%") -> None:
    """As on tables that nobody has counted: what another test has left in the statistics steers no plan."""
    for statement in NEVER_ANALYZED:
        _run(statement, tables)


def _run(statement: str, *parameters: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _counted(tables: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [tables])
        return int(cursor.fetchone()[0])
