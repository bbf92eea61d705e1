"""Statements that a connection keeps: what comes back is what a cursor would bring, and nothing else ends them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
from django.db import DataError, connection, transaction

from deliveries import sql
from deliveries.database import kept_statements
from deliveries.sql.engine_rows import BeatRow
from deliveries.sql.rows import RoundsDueRow, TakeTokenRow, ValidatingTypesRow

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = UUID(int=7)


def beat() -> BeatRow:
    given = {"id": WORKER, "host": "näh", "pid": 70_000, "version": "", "slow": True}
    given |= {"clock_offset": -0.5, "gap_part": 0.6, "silent_seconds": 4}
    return sql.fetch(BeatRow, given)[0]


def kept_names() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'kept%'")
        return {name for (name,) in cursor.fetchall()}


def both_ways(act: Callable[[], object]) -> list[object]:
    """Return what comes of it in a transaction, where a cursor serves, and outside of one, each from the same start."""
    with transaction.atomic():
        by_cursor = act()
        assert not kept_names()
        transaction.set_rollback(True)
    found = [by_cursor, act()]
    assert kept_names()
    return found


@pytest.mark.parametrize(
    "act",
    [
        lambda: sql.fetch(RoundsDueRow, {}),
        lambda: sql.fetch(ValidatingTypesRow, {"names": ["invoice.paid", None]}),
        lambda: sql.run("take_lead", {"name": "x", "holder": "alice", "seconds": 5}),
        lambda: sql.run("release_lanes", {"worker_id": WORKER, "endpoint_ids": [], "fences": []}),
        lambda: beat()._replace(database_time=0),
    ],
)
def test_a_kept_statement_says_what_a_cursor_says(act: Callable[[], object]) -> None:
    connection.close()
    by_cursor, by_keeping = both_ways(act)
    assert by_keeping == by_cursor


def test_a_value_that_does_not_fit_is_the_error_of_a_cursor() -> None:
    with pytest.raises(DataError):
        sql.run("take_lead", {"name": "x", "holder": "\0", "seconds": 5})
    nobody = {"worker_id": WORKER, "endpoint_id": WORKER, "delivery_id": None, "losses": 1}
    with pytest.raises(DataError):
        sql.run("mark_suspect", nobody | {"fence": 2**64})


def test_a_parameter_with_two_casts_has_the_type_of_the_first() -> None:
    (row,) = sql.fetch(TakeTokenRow, {"key_id": WORKER, "limit": 5, "window_seconds": 60})
    assert row == (4.0, True)


def test_a_statement_that_went_with_a_rollback_or_changed_its_columns_is_prepared_again() -> None:
    """psycopg drops all that is prepared after a ROLLBACK; a migration changes what a statement returns."""
    beat()
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    beat()
    kept = connection.connection.kept_statements
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE wide AS SELECT 1 AS one")
    wide = sql.Statement(b"SELECT * FROM wide", (), {}, {})
    assert kept.fetch(wide, [], tuple) == [(1,)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wide ADD two text DEFAULT 'two'")
    assert kept.fetch(wide, [], tuple) == [(1, "two")]


def test_a_connection_keeps_so_many_and_an_error_ends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each day has statements of its own: without a limit a connection of months would hold all of them."""
    monkeypatch.setattr(kept_statements, "LIMIT", 3)
    connection.close()
    connection.ensure_connection()
    kept = connection.connection.kept_statements
    broken = sql.Statement(b"SELECT 1 / (random() * 0)::int", (), {}, {})
    for number in range(5):
        assert kept.fetch(sql.Statement(b"SELECT %d" % number, (), {}, {}), [], tuple) == [(number,)]
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            kept.count(broken, [])
    assert len(kept_names()) == 3
    assert kept.fetch(sql.Statement(b"SELECT 0", (), {}, {}), [], tuple) == [(0,)]
