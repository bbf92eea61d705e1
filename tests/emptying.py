"""Leaving nothing to the next test after one that committed its rows.

What lives here: a way for what most tests leave, which is a few rows in a few tables, and the choice between it and
Django's own flush, which rewrites every table, each partition too, and makes all permissions and groups again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

MADE_BY_MIGRATE = (
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "hookpost_unbroken",
)
FEW_PAGES = 32
TABLES = "relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'django_migrations'"
NAMES = f"SELECT relname, relispartition FROM pg_class WHERE {TABLES} ORDER BY relname"
LEFT_IN = f"""
SELECT relname, pg_relation_size(oid) / current_setting('block_size')::int FROM pg_class
WHERE {TABLES} AND relkind = 'r' AND pg_relation_size(oid) > 0 ORDER BY relname
"""
MADE = " UNION ALL ".join(f"SELECT '{name} ' || made::text AS row FROM {name} made" for name in MADE_BY_MIGRATE)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migrate leaves and tests seldom change: which tables there are, and the rows that it makes by itself."""

    tables: tuple[tuple[str, bool], ...]
    rows: str

    def to_lock(self) -> str:
        """The tables that are no part of another and hold no rows of a migrate's."""
        return ", ".join(f'"{name}"' for name, part in self.tables if not part and name not in MADE_BY_MIGRATE)


class Emptying:
    """The database of this process as its migrate left it."""

    def __init__(self) -> None:
        self.before: Migrated | None = None

    def after_a_test(self, flush: Callable[[], None]) -> None:
        """Delete what is there, or flush where that would not bring back what was before."""
        if self.before is None or not is_deleted(self.before):
            flush()
            with connection.cursor() as cursor:
                self.before = look(cursor)
            is_deleted(self.before)  # what is in tables of no model, which a flush leaves as they are


def look(cursor: CursorWrapper) -> Migrated:
    """See what is there of a migrate's."""
    cursor.execute(NAMES)
    tables = tuple(cursor.fetchall())
    cursor.execute(f"SELECT md5(string_agg(row, ',' ORDER BY row)) FROM ({MADE}) made")
    return Migrated(tables, cursor.fetchone()[0])


def is_deleted(before: Migrated) -> bool:
    """Delete all rows, once no other connection writes; false where a migrate's are changed or there are very many."""
    with transaction.atomic(), connection.cursor() as cursor:
        if look(cursor) != before:
            return False
        cursor.execute(f"LOCK TABLE {before.to_lock()} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(LEFT_IN)
        left = {name: pages for name, pages in cursor.fetchall() if name not in MADE_BY_MIGRATE}
        if max(left.values(), default=0) > FEW_PAGES:
            return False
        if left:
            cursor.execute("; ".join(f'DELETE FROM "{name}"' for name in left))
        return True
