"""Commands on a database without tables, with half of them, or away: they work, or say in one line what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from tests.production.databases import KEYS, Installation, database_with_tables, empty_database

MIGRATE_FIRST = "error: the tables are missing, or older than this version: run `python manage.py migrate`"
AWAY = "error: DATABASE_URL: the database cannot be used: connection failed"
NEED_TABLES = [
    ("create_api_key", "billing", "--scope", "events:write"),
    ("rotate_keys",),
    ("createsuperuser", "--noinput", "--username", "alice", "--email", "alice@example.com"),
    ("web", "--port", "8000"),
    ("worker",),
    ("dispatcher",),
]


@pytest.fixture(scope="module")
def empty() -> Iterator[Installation]:
    """No tables."""
    with empty_database(os.environ["DATABASE_URL"]) as url:
        yield Installation(settings={**KEYS, "DATABASE_URL": url, "BROKER_URL": os.environ["BROKER_URL"]})


@pytest.fixture(scope="module")
def half() -> Iterator[Installation]:
    """Tables of an older version."""
    with database_with_tables(os.environ["DATABASE_URL"]) as url:
        installation = Installation(settings={**KEYS, "DATABASE_URL": url, "BROKER_URL": os.environ["BROKER_URL"]})
        done = installation.manage("migrate", "-v0", "deliveries", "0012")
        assert (done.returncode, done.stderr) == (0, "")
        yield installation


def away() -> Installation:
    """Nobody listens there, and the password is nobody's business."""
    return Installation(
        settings={
            **KEYS,
            "DATABASE_URL": "postgresql://hookpost:hidden@127.0.0.1:1/hookpost",
            "BROKER_URL": "redis://127.0.0.1:1",
        }
    )


def test_the_doctor_of_an_empty_database_says_to_migrate_and_asks_no_table(empty: Installation) -> None:
    """Given a new database, then nobody is told to start a worker, which would be refused, nor of missing tables."""
    done = empty.manage("doctor")
    assert done.returncode == 1
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("fail")]
    assert failed == ["tables"], done.stdout
    assert MIGRATE_FIRST.removeprefix("error: ") in done.stdout
    assert "could not be asked" not in done.stdout


def test_an_empty_database_can_be_brought_to_an_older_version_first() -> None:
    """Given a restore of an old dump that needs the tables of its time, then they are made, and the others later.

    No broker is needed for it, and nothing goes wrong when there is nothing more to do.
    """
    with empty_database(os.environ["DATABASE_URL"]) as url:
        fresh = Installation(settings={**KEYS, "DATABASE_URL": url, "BROKER_URL": "redis://127.0.0.1:1"})
        for arguments in (("-v0", "deliveries", "0040"), ("-v0",), ("--noinput",)):
            done = fresh.manage("migrate", *arguments)
            assert (done.returncode, done.stderr) == (0, "")
        with psycopg.connect(url) as connection:
            (days,) = connection.execute(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'hookpost_event'::regclass"
            ).fetchone() or (0,)
        assert days >= 8


def test_the_tables_of_one_app_can_be_made_before_the_others() -> None:
    """Given advice of the field to begin with `migrate contenttypes` or another app, then that works, and the rest."""
    first = [("deliveries", "zero"), ("sessions",), ("contenttypes", "0001"), ("contenttypes",), ("auth", "0001"), ()]
    with empty_database(os.environ["DATABASE_URL"]) as url:
        fresh = Installation(settings={**KEYS, "DATABASE_URL": url, "BROKER_URL": os.environ["BROKER_URL"]})
        for arguments in first:
            done = fresh.manage("migrate", "-v0", *arguments)
            assert (done.returncode, done.stderr) == (0, ""), arguments
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM auth_group WHERE name LIKE 'Hookpost%'").fetchone() == (3,)


@pytest.mark.parametrize("arguments", NEED_TABLES, ids=" ".join)
def test_without_tables_a_command_says_to_migrate(empty: Installation, arguments: tuple[str, ...]) -> None:
    done = empty.manage(*arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(MIGRATE_FIRST)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [("rotate_keys", "--check"), ("web", "--port", "8000"), ("worker",), ("dispatcher",)]
)
def test_with_older_tables_a_process_says_to_migrate(half: Installation, arguments: tuple[str, ...]) -> None:
    done = half.manage(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(MIGRATE_FIRST)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options", [(), ("--database", "default"), ("--deploy", "--database", "default")], ids=" ".join
)
def test_checks_need_no_tables(empty: Installation, half: Installation, options: tuple[str, ...]) -> None:
    assert [each.manage("check", *options).returncode for each in (empty, half)] == [0, 0]


@pytest.mark.parametrize(
    "arguments",
    [*NEED_TABLES[:3], ("migrate",), ("check", "--database", "default")],
    ids=" ".join,
)
def test_without_a_database_a_command_says_why_in_one_line(arguments: tuple[str, ...]) -> None:
    done = away().manage(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(AWAY)
    assert (done.stderr.count("\n"), "hidden" in done.stderr) == (1, False)


def test_the_traceback_is_shown_to_who_asks_for_it(empty: Installation) -> None:
    done = empty.manage("create_api_key", "billing", "--traceback")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


@pytest.mark.parametrize("arguments", [("check",), ("configuration",), ("listen", "--help")], ids=" ".join)
def test_what_needs_no_database_asks_none(arguments: tuple[str, ...]) -> None:
    assert away().manage(*arguments).returncode == 0


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_a_missing_key_is_said_before_anything_is_asked(empty: Installation, missing: str) -> None:
    done = empty.manage("migrate", **{missing: ""})
    assert (done.returncode, done.stderr) == (2, f"error: {missing}: must be set when DATABASE_URL is\n")


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        ("k1:short", "is not the base64 of 32 bytes"),
        (f"{'k' * 256}:{KEYS['HOOKPOST_ENCRYPTION_KEYS'][3:]}", "is longer than 255 bytes"),
    ],
)
def test_a_key_that_could_seal_nothing_is_refused(empty: Installation, ring: str, said: str) -> None:
    done = empty.manage("check", HOOKPOST_ENCRYPTION_KEYS=ring)
    assert done.returncode == 2
    assert said in done.stderr
