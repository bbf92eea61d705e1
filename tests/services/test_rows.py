"""What rows.py says of a statement is what PostgreSQL says of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from django.db import connection

from deliveries import sql
from deliveries.sql import ending_rows, engine_rows, figure_rows, key_rows, preview_rows, rows, summary_rows

pytestmark = pytest.mark.django_db

NAMES = sorted(path.stem for path in sql.FOLDER.glob("*.sql"))
ROWS = {
    sql.name_of(row): row
    for module in (rows, ending_rows, engine_rows, figure_rows, key_rows, preview_rows, summary_rows)
    for row in vars(module).values()
    if inspect.isclass(row) and row.__module__ == module.__name__
}
# Nobody reads what these return: sql.run() says how many it was.
COUNTED = {
    "hold_backlogs",
    "lock_batch",
    "lock_operator",
    "lock_replays",
    "purge_idempotency_keys",
    "release_backlogs",
    "report_figures",
    "take_lead",
}
PYTHON = {
    "bool": bool,
    "bytea": bytes,
    "float8": float,
    "int2": int,
    "int4": int,
    "int8": int,
    "jsonb": Mapping,
    "text": str,
    "timestamptz": datetime,
    "uuid": UUID,
    "varchar": str,
}


def columns_of(name: str) -> dict[str, object]:
    """Prepare a statement and return its columns, each with the Python type that psycopg makes of it."""
    connection.ensure_connection()
    server = connection.connection
    made = server.pgconn.prepare(b"", sql.prepared(name).text)
    assert not made.error_message, made.error_message
    told = server.pgconn.describe_prepared(b"")
    types = server.adapters.types
    return {
        told.fname(place).decode(): (oid != (known := types[oid]).oid, PYTHON[known.name])
        for place in range(told.nfields)
        if (oid := told.ftype(place))
    }


def declared(row: type[NamedTuple]) -> dict[str, object]:
    """Return the fields of a class as `columns_of` does; whether one may be null PostgreSQL does not say."""
    return {name: plain(hint) for name, hint in get_type_hints(row).items()}


def plain(hint: object) -> tuple[bool, object]:
    left = [each for each in get_args(hint) if each is not NoneType]
    if NoneType in get_args(hint):
        (hint,) = left
    origin = get_origin(hint)
    return (True, get_args(hint)[0]) if origin is Sequence else (False, origin or hint)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_declared_as_its_statement_returns_it(name: str) -> None:
    """Given names and types, in their order."""
    assert list(declared(ROWS[name]).items()) == list(columns_of(name).items())


def test_every_statement_with_rows_has_a_class_unless_they_are_only_counted() -> None:
    assert {name for name in NAMES if columns_of(name)} == ROWS.keys() | COUNTED
    assert ROWS.keys() & COUNTED == set()
