"""Whether the tables are there: which migrations are missing, and what a person is told when a command needs them.

What lives here: questions to the database about itself, and sentences. It must not know what a table holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from deliveries.database.failures import first_line
from deliveries.errors import CannotStart

NEEDED = frozenset({"admin", "auth", "axes", "contenttypes", "deliveries", "sessions"})
NOT_MIGRATED = "the tables are missing, or older than this version: run `python manage.py migrate`"
NO_RIGHT = "42501"  # from PostgreSQL 15 on only the owner of a database may create tables in it
READ_ONLY, NO_SCHEMA = "25006", "3F000"
UNDEFINED = frozenset({"42P01", "42703"})  # a table, a column
NOT_LET_IN = ("08", "28", "3D", "53", "57P")  # classes of SQLSTATE: connections, passwords, names, slots, shutdown


def missing_migrations() -> list[str]:
    """Return the migrations that this code needs and the database lacks, oldest first. Raises django.db errors.

    Who asks most often finds none: each process when it starts. Then the files need not be imported, only be named.
    """
    if MigrationRecorder(connection).applied_migrations().keys() >= set(_files()):
        return []
    executor = MigrationExecutor(connection)
    wanted = [node for node in executor.loader.graph.leaf_nodes() if node[0] in NEEDED]
    return [f"{each.app_label}.{each.name}" for each, _ in executor.migration_plan(wanted)]


def _files() -> Iterator[tuple[str, str]]:
    """Return app and name of each migration that this code has, where tables are needed of its app."""
    for app in NEEDED & {each.label for each in apps.get_app_configs()}:
        if where := MigrationLoader.migrations_module(app)[0]:  # None in a project that migrates otherwise
            modules = iter_modules(import_module(where).__path__)
            yield from ((app, each.name) for each in modules if each.name[0] not in "_~")


def are_current(*apps: str) -> bool:
    """Say whether all migrations of these apps have run; not after a `migrate` that was told to stop before them."""
    return {each.partition(".")[0] for each in missing_migrations()}.isdisjoint(apps)


def refuse_missing_tables() -> None:
    """Raise CannotStart before the migrations have run; a database that is away is no reason, for it comes back."""
    try:
        missing = missing_migrations()
    except (OperationalError, InterfaceError):
        return
    if missing:
        raise CannotStart(f"{NOT_MIGRATED} ({missing[0]} comes next)")


def explain(error: BaseException) -> str:
    """Return in one sentence what ails the database, or nothing when only the traceback can tell."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return ""
    state, said = _origin_of(error)
    if state == NO_RIGHT:
        return f"{_setting()}: its user lacks a right: {said}; let it own the database, or the schema"
    if state == READ_ONLY:
        return f"{_setting()}: the database takes no writes: {said}; name the primary, or let its user write"
    if state == NO_SCHEMA:
        return f"{_setting()}: {said}: the first one in the search_path of its user is not there"
    if state in UNDEFINED:
        return NOT_MIGRATED
    if isinstance(error, OperationalError) and (not state or state.startswith(NOT_LET_IN)):
        return f"{_setting()}: the database cannot be used: {first_line(error)}"
    return ""


def _setting() -> str:
    """Return where the database is named: another project has settings of its own for it."""
    return "DATABASES" if hasattr(settings, "HOOKPOST") else "DATABASE_URL"


def server_encoding() -> str:
    """Return in which encoding the database keeps texts: `UTF8` where it was made well."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        return str(cursor.fetchone()[0])


def are_made() -> bool:
    """Say whether Hookpost was installed here before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('hookpost_event') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def _origin_of(error: BaseException) -> tuple[str, str]:
    """Return the SQLSTATE at the bottom of an error, "" if it has none, and what PostgreSQL said."""
    below = error.__cause__ or error.__context__
    while below is not None and not getattr(below, "sqlstate", None):
        below = below.__cause__ or below.__context__
    return str(getattr(below, "sqlstate", "")), first_line(below or error)
