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


@dataclass(slots=True)
class Read:
    """How many rows were read inside of a block, once it is over."""

    rows: int = 0


@contextmanager
def rows_read(tables: str = "hookpost_%") -> Iterator[Read]:
    """Count the rows that are read of tables, those that an index leads to and those that are looked through.

    Of a table of some rows PostgreSQL would look through all where it has counted them, and else by the index: only
    where there is no index are they looked through here.
    """
    read, before = Read(), _counted(tables)
    _set("SET LOCAL enable_seqscan = off")
    yield read
    _set("SET LOCAL enable_seqscan = on")
    read.rows = _counted(tables) - before


def _set(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _counted(tables: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [tables])
        return int(cursor.fetchone()[0])
