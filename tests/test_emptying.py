"""A test that committed its rows leaves the database as the migrate did."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from deliveries.models import Customer, Endpoint
from deliveries.services.housekeeping.retention import partitions_of
from tests.emptying import FEW_PAGES, Emptying
from tests.engine.steps import an_endpoint

pytestmark = pytest.mark.django_db(transaction=True)
SUPPORT = "Hookpost support"
WITHOUT_MODEL = {
    "hookpost_api_rate": "gen_random_uuid(), 1, true, now()",
    "hookpost_leader": "'dispatcher', 'a', now()",
    "hookpost_reporter": "true, 'a', now()",
}


class Flushes:
    """Django's own flush, counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def flushes() -> Flushes:
    return Flushes()


@pytest.fixture
def emptying(flushes: Flushes) -> Emptying:
    """One that has seen the database."""
    emptying = Emptying()
    emptying.after_a_test(flushes)
    flushes.count = 0
    return emptying


def ask(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_rows_are_deleted_and_what_a_migrate_makes_stays(emptying: Emptying, flushes: Flushes) -> None:
    group = Group.objects.get(name=SUPPORT)
    User.objects.create_user("bob").groups.add(group)
    an_endpoint("https://93.184.216.34/in")
    for table, row in WITHOUT_MODEL.items():
        ask(f"INSERT INTO {table} VALUES ({row})")
    emptying.after_a_test(flushes)
    assert [model for model in (User, Customer, Endpoint) if model.objects.exists()] == []
    for table in WITHOUT_MODEL:
        assert not partly_full(table)
    assert (flushes.count, Group.objects.get(name=SUPPORT).pk) == (0, group.pk)


def partly_full(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
        return bool(cursor.fetchone()[0])


def test_a_right_that_a_test_took_away_is_brought_back(emptying: Emptying, flushes: Flushes) -> None:
    rights = Group.objects.get(name=SUPPORT).permissions.count()
    Group.objects.get(name=SUPPORT).permissions.clear()
    emptying.after_a_test(flushes)
    assert rights > 0
    assert (flushes.count, Group.objects.get(name=SUPPORT).permissions.count()) == (1, rights)


def test_a_day_that_a_test_dropped_is_opened_again(emptying: Emptying, flushes: Flushes) -> None:
    days = partitions_of("hookpost_event")
    ask(f"DROP TABLE {days[-1]}")
    emptying.after_a_test(flushes)
    assert (flushes.count, partitions_of("hookpost_event")) == (1, days)


def test_a_table_that_has_grown_is_made_small_again(emptying: Emptying, flushes: Flushes) -> None:
    Customer.objects.bulk_create(Customer(name="x" * 200) for _ in range(FEW_PAGES * 60))
    ask("INSERT INTO hookpost_leader VALUES ('dispatcher', 'a', now())")
    emptying.after_a_test(flushes)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('hookpost_customer')")
        assert (flushes.count, cursor.fetchone(), partly_full("hookpost_leader")) == (1, (0,), False)
