"""An outbox: a table in another program's PostgreSQL, which fills it in its own transactions.

What lives here: reading rows with SKIP LOCKED, so that several readers share the work, and deleting them once their
events are committed here. docs/consume.md has the table. A row is locked while its event is being accepted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deliveries.consume.source import Message, SourceAway
from deliveries.database.connection import connect_to
from deliveries.database.failures import first_line
from deliveries.protocol.writing.torn_urls import refuse_torn_database

WAIT_SECONDS = 0.2

# Of a database without an encoding the bytes as they are: whether they are UTF-8 is judged of each event apart.
TAKE = """
    SELECT id::text, convert_to(
        coalesce(event::text, ''), CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END
    )
    FROM {table} WHERE refused IS NULL
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
DELETE = "DELETE FROM {table} WHERE id = ANY(%s::uuid[])"
SET_ASIDE = "UPDATE {table} SET refused = %s WHERE id = %s::uuid"


class OutboxTable:
    """One reader of an outbox."""

    def __init__(self, url: str, table: str) -> None:
        """Raises ValueError for what is no URL of PostgreSQL."""
        try:
            refuse_torn_database(url, conninfo_to_dict(url))
        except psycopg.ProgrammingError as error:
            raise ValueError("not a URL as libpq reads them") from error
        self.url, self.table = url, sql.Identifier(*table.split("."))
        self._connection: psycopg.Connection | None = None

    def take(self, limit: int) -> Sequence[Message]:
        """Return the oldest rows that no other reader has."""
        with self._connected() as connection:
            rows = connection.execute(self._statement(TAKE), (limit,)).fetchall()
            if not rows:
                connection.commit()
        if not rows:
            time.sleep(WAIT_SECONDS)
        return [Message(key=f"outbox:{name}", raw=event) for name, event in rows]

    def finish(self, done: Sequence[Message], refused: Sequence[tuple[Message, str]]) -> None:
        """Delete and mark rows, and give back those that are in neither list."""
        with self._connected() as connection:
            connection.execute(self._statement(DELETE), ([_row_of(message) for message in done],))
            for message, reason in refused:
                connection.execute(self._statement(SET_ASIDE), (_storable(reason, connection), _row_of(message)))
            connection.commit()

    def _statement(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(table=self.table)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect_to(self.url, name="hookpost-consume")
                self._connection.autocommit = False
            yield self._connection
        except psycopg.Error as error:
            if self._connection is not None:
                self._connection.close()
            raise SourceAway(first_line(error)) from error


def _storable(reason: str, connection: psycopg.Connection) -> str:
    """Return a reason as this database can hold it: one of another encoding could refuse it again and again."""
    text = reason.replace("\0", "")
    if connection.info.parameter_status("server_encoding") == "UTF8":
        return text
    return text.encode("ascii", "backslashreplace").decode()


def _row_of(message: Message) -> str:
    return message.key.partition(":")[2]
