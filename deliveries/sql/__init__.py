"""Statements with a lock, a CTE or several tables, one per .sql file, and how they are run.

Parameters are bound by the server in binary and the plans are prepared once per connection.
Knows no rules: what the rows mean is decided above.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import namedtuple_row

FOLDER = Path(__file__).parent


@cache
def statement(name: str) -> str:
    """Return the text of sql/<name>.sql without its header lines."""
    lines = (FOLDER / f"{name}.sql").read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def run(name: str, parameters: Mapping[str, Any]) -> list[Any]:
    """Execute sql/<name>.sql in one round trip and return its rows as named tuples.

    Raises django.db errors, as the ORM does.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection, row_factory=namedtuple_row) as cursor:
        cursor.execute(statement(name).encode(), parameters, prepare=True, binary=True)
        return cursor.fetchall() if cursor.description else []
