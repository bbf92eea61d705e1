"""Django's backend for PostgreSQL over our connections.

What lives here: where Django's connection begins and ends. It must not know who uses it.
"""

from __future__ import annotations

import math
from functools import partial
from types import TracebackType
from typing import Any

import psycopg
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property

from deliveries.database.beside import do_beside
from deliveries.database.connection import LimitedConnection
from deliveries.database.failures import NOBODYS_FAULT, is_full, kind_of, mark_never_sent
from deliveries.database.limits import seconds_left
from deliveries.database.sharing import has_news, is_sharing, shared
from deliveries.metrics import names

WHICH_DATABASE = ("host", "port", "dbname", "user")
IS_WRITABLE = "SELECT NOT current_setting('transaction_read_only')::bool"


def hurried(conn_params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with no more time to connect than whoever waits has left."""
    given = float(conn_params.get("connect_timeout") or math.inf)
    limit = min(given, seconds_left())
    return conn_params if limit == given else conn_params | {"connect_timeout": math.floor(limit)}


class CountedErrors(DatabaseErrorWrapper):
    """Counts what is no statement's fault on its way to Django's errors."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Count and translate an error."""
        if isinstance(error, NOBODYS_FAULT):
            names.DATABASE_ERRORS.add(1, kind_of(error))
        super().__exit__(kind, error, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, with limits, and with connections that are shared where threads serve requests."""

    connection: Any

    @cached_property
    def wrap_database_errors(self) -> CountedErrors:
        """Translate psycopg's errors into Django's, and count them."""
        return CountedErrors(self)

    def get_new_connection(self, conn_params: dict[str, object]) -> LimitedConnection:
        """Connect, or borrow a connection."""
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # as Django has it, and no option says otherwise

        def connect() -> LimitedConnection:
            try:
                return do_beside(partial(LimitedConnection.connect, **hurried(conn_params)))
            except psycopg.OperationalError as error:
                if not is_full(error) or not shared.close_idle():  # those of this process
                    raise
                return do_beside(partial(LimitedConnection.connect, **hurried(conn_params)))

        try:
            if not is_sharing():
                return connect()
            return shared.take(connect, database=tuple(conn_params.get(name) for name in WHICH_DATABASE))
        except psycopg.Error as error:
            raise mark_never_sent(error) from error.__cause__

    def init_connection_state(self) -> None:
        """Learn what stands at the other end of a new connection."""
        super().init_connection_state()
        if not self.connection.is_known:
            self.connection.introduce()

    def close_if_unusable_or_obsolete(self) -> None:
        """Between two pieces of work: drop what broke meanwhile, and give back what was borrowed."""
        if self.connection is None:
            return
        super().close_if_unusable_or_obsolete()
        if self.connection is None or self.in_atomic_block:
            return
        if is_sharing():
            self.close()
        elif has_news(self.connection):
            self.errors_occurred = True
            self.close()

    def is_usable(self) -> bool:
        """After an error: a server that became read-only is left, for another one may lead now."""
        if self.connection is None:
            return False
        try:
            with self.connection.cursor() as cursor:
                return bool(cursor.execute(IS_WRITABLE).fetchone()[0])
        except psycopg.Error:
            return False

    def schema_editor(self, *args: object, **kwargs: object) -> BaseDatabaseSchemaEditor:
        """Let a migration take its time."""
        self.ensure_connection()
        if not self.in_atomic_block:
            self.connection.lift_limits()
        return super().schema_editor(*args, **kwargs)

    def _close(self) -> None:
        if self.connection is not None and not shared.give_back(self.connection, is_sound=not self.errors_occurred):
            super()._close()  # type: ignore[misc]
