"""A second cell beside the tests' own: another database of the same server, with the same tables and keys of its own.

What lives here: making and emptying it, and letting this process work in either. It must not know what is moved.
"""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from config.embedded.binaries import postgres_bin
from deliveries.cells.cell import Cell

NAME = "b"
KEYS = (("b1", base64.b64encode(b"b" * 32).decode()),)
TABLES = """
SELECT string_agg(quote_ident(relname), ', ') FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
  AND relname NOT LIKE 'django_%' AND relname NOT IN ('auth_permission', 'hookpost_unbroken')
"""


def url_of(name: str) -> str:
    """Where a database of the tests' server is."""
    own = connection.settings_dict
    parts = {key: own[key.upper()] for key in ("user", "password", "host", "port") if own[key.upper()]}
    return make_conninfo(**parts, dbname=name)


@contextmanager
def second_database() -> Iterator[str]:
    """A database with the tables of the tests' own, and no row; it goes away afterwards."""
    name = f"hookpost_{uuid.uuid4().hex[:12]}"
    own = url_of(connection.settings_dict["NAME"])
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        server.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        try:
            made = [f"--table={each}" for each in ("django_migrations", "hookpost_unbroken")]
            for options in (["--schema-only"], ["--data-only", *made]):
                program = str(postgres_bin() / "pg_dump")
                dump = subprocess.run([program, *options, own], capture_output=True, check=True)
                fill(name, dump.stdout)
            yield name
        finally:
            server.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


def fill(name: str, dump: bytes) -> None:
    """Run what pg_dump wrote."""
    program = str(postgres_bin() / "psql")
    subprocess.run(
        [program, "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={url_of(name)}"],
        input=dump, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def cell_of(name: str) -> Cell:
    """The cell of this database."""
    return Cell(name=NAME, database_url=url_of(name), keys=KEYS)


def empty(name: str) -> None:
    """Forget all rows."""
    with psycopg.connect(url_of(name), autocommit=True) as server:
        (tables,) = server.execute(TABLES).fetchone() or ("",)
        server.execute(psycopg.sql.SQL(f"TRUNCATE {tables} CASCADE"))


@contextmanager
def working_in(name: str) -> Iterator[None]:
    """Inside, this process's models and services work in that cell, with its keys."""
    before, keys = connection.settings_dict["NAME"], settings.ENCRYPTION_KEYS
    connection.close()
    connection.settings_dict["NAME"], settings.ENCRYPTION_KEYS = name, KEYS
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"], settings.ENCRYPTION_KEYS = before, keys
