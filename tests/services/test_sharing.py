"""Connections that are lent: few for many threads, none kept for nothing, and nobody waits for what does not come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from unittest.mock import patch

import psycopg
import pytest
from django.db import connection

from deliveries.database import base, sharing
from deliveries.database.connection import LimitedConnection
from deliveries.database.failures import is_surely_undone
from deliveries.database.handing import HandedConnection
from deliveries.database.limits import answered_within
from deliveries.database.sharing import Sharing
from deliveries.services.process.readiness import word_of

pytestmark = pytest.mark.django_db(transaction=True)

HERE = ("here",)


def connect() -> LimitedConnection:
    """A connection of our own to the database of the tests."""
    return LimitedConnection.connect(**connection.get_connection_params(), autocommit=True)


@pytest.fixture
def lending() -> Iterator[Sharing]:
    """Two connections at most."""
    lending = Sharing(limit=2)
    yield lending
    lending.close_idle()


def test_what_was_given_back_is_lent_again(lending: Sharing) -> None:
    first = lending.take(connect, database=HERE)
    assert lending.give_back(first, is_sound=True)
    assert lending.take(connect, database=HERE) is first
    assert lending.give_back(first, is_sound=True)


def test_what_is_broken_amid_a_transaction_or_somewhere_else_is_not(lending: Sharing) -> None:
    for harm in ("unsound", "transaction", "ended", "elsewhere"):
        taken = lending.take(connect, database=HERE)
        if harm == "transaction":
            taken.execute("BEGIN")
        assert lending.give_back(taken, is_sound=harm != "unsound") is (harm in ("ended", "elsewhere"))
        if harm == "ended":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [taken.info.backend_pid])
        database = ("elsewhere",) if harm == "elsewhere" else HERE
        other = lending.take(connect, database=database)
        assert other is not taken
        lending.give_back(other, is_sound=False)
        other.close()
        taken.close()


def test_many_threads_share_a_few(lending: Sharing) -> None:
    def ask(_: int) -> int:
        taken = lending.take(connect, database=HERE)
        try:
            return int(taken.execute("SELECT pg_backend_pid()").fetchone()[0])  # type: ignore[index]
        finally:
            lending.give_back(taken, is_sound=True)

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(ask, range(200)))) <= 2


def test_nobody_waits_long_for_connections_that_are_stuck(lending: Sharing) -> None:
    """Given that none has come back for a while, then the next one is refused without a wait."""
    taken = [lending.take(connect, database=HERE) for _ in range(2)]
    lending._moved_at = time.monotonic() - 2 * sharing.STUCK_SECONDS
    with pytest.raises(psycopg.OperationalError, match="all 2 connections of this process are in use"):
        lending.take(connect, database=HERE)
    with answered_within(60, urgent=True):
        taken.append(lending.take(connect, database=HERE))
    for each in taken:
        lending.give_back(each, is_sound=True)
    assert lending.close_idle() == 3


def test_after_a_quiet_time_whoever_comes_waits_for_the_others(lending: Sharing) -> None:
    """Given that nothing was lent for long, then a third caller is not taken for one that waits in vain."""
    lending._moved_at = time.monotonic() - 1000
    taken = [lending.take(connect, database=HERE) for _ in range(2)]
    back = threading.Timer(0.1, lambda: lending.give_back(taken[0], is_sound=True))
    back.start()
    assert lending.take(connect, database=HERE) is taken[0]
    back.join()
    for each in taken:
        lending.give_back(each, is_sound=True)


def test_what_nobody_has_used_for_long_is_closed(lending: Sharing) -> None:
    taken = lending.take(connect, database=HERE)
    lending.give_back(taken, is_sound=True)
    assert lending.close_idle(for_seconds=60) == 0
    assert lending.close_idle(for_seconds=0) == 1
    assert taken.closed


def test_one_connection_is_handed_from_thread_to_thread_and_none_is_borrowed_for_it() -> None:
    handed = HandedConnection()

    def process_of_server() -> int:
        sharing.share_connections()
        with handed.here():
            assert not sharing.is_sharing()
            connection.close_if_unusable_or_obsolete()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                return int(cursor.fetchone()[0])

    numbers = set()
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool:
            numbers.add(pool.submit(process_of_server).result())
    assert len(numbers) == 1
    own = connection.connection
    with handed.here():
        assert connection.connection is not own
        connection.close()
    assert connection.connection is own


def test_a_database_that_is_full_gets_our_idle_connections_back(lending: Sharing) -> None:
    """Given that the last connections are idle ones of this process, then a thread that keeps its own gets one."""
    idle = lending.take(connect, database=HERE)
    lending.give_back(idle, is_sound=True)
    answers = [psycopg.OperationalError("FATAL:  sorry, too many clients already"), connect()]
    connection.close()
    with patch.object(base, "shared", lending), patch.object(LimitedConnection, "connect", side_effect=answers):
        connection.ensure_connection()
    assert idle.closed
    connection.close()


def test_a_statement_has_a_limit_which_the_url_may_change() -> None:
    def limit_of(**given: object) -> str:
        with LimitedConnection.connect(**connection.get_connection_params() | given, autocommit=True) as asked:
            asked.introduce()
            return str(asked.execute("SHOW statement_timeout").fetchone()[0])  # type: ignore[index]

    assert limit_of() == "30s"
    assert limit_of(options="-c statement_timeout=7s") == "7s"
    assert limit_of(options="-c statement_timeout=0") == "0"


OF_THE_ROLE = {
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "extra_float_digits": "-15",
    "default_transaction_isolation": "serializable",
    "lock_timeout": "50ms",
    "idle_session_timeout": "1s",
    "default_transaction_deferrable": "on",
    "jit": "on",
}


def test_what_a_role_has_otherwise_for_the_sake_of_others_is_not_ours() -> None:
    """Given a role with habits of its own, then times, floats, arrays and texts are read and written as ever."""
    options = " ".join(f"-c {name}={value}" for name, value in OF_THE_ROLE.items())
    parameters = connection.get_connection_params() | {"options": options}
    with LimitedConnection.connect(**parameters, autocommit=True) as asked:
        asked.introduce()
        for name, value in OF_THE_ROLE.items():
            assert asked.execute(f"SHOW {name}").fetchone() != (value,)  # type: ignore[call-overload]
        assert asked.execute("SHOW lock_timeout").fetchone() == ("8s",)
        row = asked.execute(
            "SELECT now(), '3 hours'::interval, 1798000000.125::float8, '{NULL}'::text[], '\\n'"
        ).fetchone()
        assert row is not None
        assert row[1:] == (timedelta(hours=3), 1798000000.125, [None], "\\n")
        assert isinstance(row[0], datetime)
        asked.lift_limits()
        assert asked.execute("SHOW lock_timeout").fetchone() == ("0",), "a migration waits for its turn"


FULL = [
    "FATAL:  sorry, too many clients already",
    "FATAL:  tut mir leid, schon zu viele Verbindungen",
    "FATAL:  die verbleibenden Verbindungen sind für Superuser auf Nicht-Replikationsverbindungen reserviert",
    "FATAL:  lo siento, ya tenemos demasiados clientes",
    "FATAL:  désolé, trop de clients sont déjà connectés",
    "FATAL:  spiacente, troppi client già connessi",
    "ВАЖНО:  извините, уже слишком много клиентов",
    "FATAL:  現在クライアント数が多すぎます",
    "致命错误:  对不起, 已经有太多的客户",
    "FATAL:  no more connections allowed (max_client_conn)",
]


@pytest.mark.parametrize("words", FULL)
def test_a_server_without_a_connection_left_is_known_in_its_language(words: str) -> None:
    assert word_of(psycopg.OperationalError(f"connection failed: {words}")) == "no connection left"
    assert word_of(psycopg.OperationalError("FATAL:  Datenbank »x« existiert nicht")) == "unreachable"


@pytest.mark.parametrize(
    ("state", "surely"), [("53100", True), ("57014", True), ("40001", True), ("57P01", False), ("08P01", False)]
)
def test_who_is_cut_off_behind_a_pooler_is_not_told_that_nothing_was_stored(state: str, surely: bool) -> None:
    """PgBouncer says 08P01 of a server that ended amid a statement, which may have been committed."""
    assert is_surely_undone(psycopg.errors.lookup(state)("server conn crashed?")) is surely


def test_whoever_gets_no_answer_hangs_up() -> None:
    with connect() as asked:
        with answered_within(0.2), pytest.raises(psycopg.OperationalError, match="has not answered"):
            asked.execute("SELECT pg_sleep(60)")
        assert asked.closed


def test_a_migration_takes_its_time() -> None:
    with connection.schema_editor() as editor:
        assert editor.connection.connection.answer_seconds == float("inf")
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
    connection.close()


def test_a_thread_that_serves_gives_back_what_it_borrowed() -> None:
    def serve() -> tuple[object, bool]:
        sharing.share_connections()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        borrowed = connection.connection
        connection.close_if_unusable_or_obsolete()
        return borrowed, connection.connection is None

    with patch.object(sharing.shared, "_idle", []):
        found: list[tuple[object, bool]] = []
        thread = threading.Thread(target=lambda: found.append(serve()))
        thread.start()
        thread.join(30)
        assert found[0][1]
        assert [each for _, each in sharing.shared._idle] == [found[0][0]]
        sharing.shared.close_idle()
