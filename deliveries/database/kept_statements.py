"""Statements that a connection keeps: prepared once, then sent and answered without a cursor.

What lives here: names of prepared statements, and how an answer becomes rows. A cursor of psycopg looks up for each
execution how to write each parameter and whether the statement is known; for what runs a few times for each event that
was more work than all the rest of it. It must not know a statement, nor how parameters are encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Protocol, TypeVar

from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from deliveries.database.connection import LimitedConnection

LIMIT = 64  # of a connection: some name a day, and there are new ones each day

Row = TypeVar("Row")
Values = Sequence[bytes | None]  # in binary


class StatementText(Protocol):
    """What is executed: its text with $1, $2 and so on, and the types of these, 0 where the text says it."""

    @property
    def text(self) -> bytes:
        """Return the text, by which it is known."""

    @property
    def oids(self) -> Sequence[int]:
        """Return the types."""


class _Kept:
    """A prepared statement, and what reads its rows."""

    __slots__ = ("is_known", "name", "reader")

    def __init__(self, name: bytes, server: LimitedConnection) -> None:
        self.name, self.reader, self.is_known = name, Transformer(server), False


class KeptStatements:
    """Those of one connection. Only outside of a transaction, for a statement that failed may be sent once more."""

    def __init__(self, server: LimitedConnection) -> None:
        self._server = server
        self._kept: dict[bytes, _Kept] = {}
        self._numbers = count()

    def count(self, statement: StatementText, values: Values) -> int:
        """Execute a statement with parameters in binary; returns how many rows it returns or, else, changes."""
        result = self._answer(statement, values)
        return result.ntuples if result.status == ExecStatus.TUPLES_OK else result.command_tuples or 0

    def fetch(self, statement: StatementText, values: Values, make: Callable[[Sequence[object]], Row]) -> list[Row]:
        """Execute a statement with parameters in binary, and return what is made of its rows."""
        result = self._answer(statement, values)
        kept = self._kept[statement.text]
        kept.reader.set_pgresult(result, set_loaders=not kept.is_known, format=Format.BINARY)
        kept.is_known = True
        return kept.reader.load_rows(0, result.ntuples, make)

    def _answer(self, statement: StatementText, values: Values) -> PGresult:
        with self._server.lock:
            try:
                return self._execute(statement, values)
            except (InvalidSqlStatementName, FeatureNotSupported):  # dropped with a rollback; a column came or went
                if self._kept.pop(statement.text, None) is None:
                    raise
                return self._execute(statement, values)

    def _execute(self, statement: StatementText, values: Values) -> PGresult:
        kept = self._kept.get(statement.text) or self._prepare(statement)
        self._server.pgconn.send_query_prepared(kept.name, values, [Format.BINARY] * len(values), Format.BINARY)
        return self._result()

    def _prepare(self, statement: StatementText) -> _Kept:
        if len(self._kept) >= LIMIT:
            self._server.pgconn.send_query(b"DEALLOCATE " + self._kept.pop(next(iter(self._kept))).name)
            self._result()
        made = _Kept(b"kept_%d" % next(self._numbers), self._server)
        self._server.pgconn.send_prepare(made.name, statement.text, statement.oids)
        self._result()
        self._kept[statement.text] = made
        return made

    def _result(self) -> PGresult:
        result: PGresult = self._server.wait(execute(self._server.pgconn))[-1]
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result, encoding="utf-8")
        return result
