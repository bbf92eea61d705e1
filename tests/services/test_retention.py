"""Old days go by the database's clock, a few at a time, and never in silence; days to come are the database's too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from structlog.testing import capture_logs

from deliveries.engine import dispatcher
from deliveries.errors import ClockOff
from deliveries.models import DueDelivery
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.housekeeping import retention
from tests.engine.steps import an_endpoint
from tests.wrong_clocks import DAY, host_off_by

LOCKED_FOR_ALL = """
SELECT count(*)::int FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'hookpost_event'::regclass
"""

pytestmark = pytest.mark.django_db(transaction=True)


def days() -> list[str]:
    return [name.rpartition("_p")[2] for name in retention.partitions_of("hookpost_event")]


@pytest.fixture
def old_days() -> Iterator[list[str]]:
    """Five days beyond the retention, oldest first."""
    today = datetime.now(UTC)
    oldest = today - timedelta(days=40)
    retention.open_partitions(now=oldest, days_back=0)
    yield [f"{oldest + timedelta(days=n):%Y%m%d}" for n in range(5)]
    while retention.drop_partitions():
        pass


@pytest.mark.parametrize("seconds", [400 * DAY, 31 * DAY, 3600.0, 120.0, -120.0, -40 * DAY])
def test_a_host_whose_clock_is_off_drops_nothing(old_days: list[str], seconds: float) -> None:
    before = days()
    with host_off_by(seconds), pytest.raises(ClockOff, match="this host's clock is"):
        retention.drop_partitions()
    assert days() == before


def test_nothing_is_locked_for_others_while_whoever_drops_a_day_has_the_word(old_days: list[str]) -> None:
    """Given a dispatcher that is frozen between any two of its statements, then events are accepted."""
    locked: list[int] = []

    def look_after(execute: Callable[..., Any], *asked: Any) -> Any:
        result = execute(*asked)
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
            locked.extend(row[0] for row in other.execute(LOCKED_FOR_ALL).fetchall())
        return result

    with connection.execute_wrapper(look_after):
        assert len(retention.drop_partitions()) == 2 * len(retention.TABLES)
    assert locked
    assert set(locked) == {0}


@pytest.mark.parametrize("seconds", [400 * DAY, -40 * DAY])
def test_a_host_whose_clock_is_off_opens_the_databases_days(seconds: float) -> None:
    with connection.cursor() as cursor:
        for name in retention.partitions_of("hookpost_event"):
            cursor.execute(f'DROP TABLE "{name}"')
    with host_off_by(seconds):
        retention.open_partitions()
    today = datetime.now(UTC)
    assert days() == [f"{today + timedelta(days=n):%Y%m%d}" for n in range(-1, retention.DAYS_AHEAD + 1)]


def test_days_are_known_by_name_however_the_database_writes_names() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET quote_all_identifiers = on")
    try:
        assert {name[:16] for name in retention.partitions_of("hookpost_event")} == {"hookpost_event_p"}
    finally:
        connection.close()


def test_a_round_drops_the_two_oldest_days_and_no_more(old_days: list[str]) -> None:
    before = days()
    dropped = retention.drop_partitions()
    assert {name.rpartition("_p")[2] for name in dropped} == set(old_days[:2])
    assert days() == before[2:]


def test_a_day_that_somebody_else_dropped_meanwhile_is_no_error(old_days: list[str]) -> None:
    name = f"hookpost_event_p{old_days[0]}"
    assert [retention._drop_unless_in_use(name) for _ in range(2)] == [True, False]


def test_a_drop_is_logged_with_what_was_in_it(old_days: list[str]) -> None:
    with capture_logs() as lines:
        retention.drop_partitions()
    found = [line for line in lines if line["event"] == "day_dropped"]
    assert [(line["day"].replace("-", ""), line["log_level"]) for line in found] == [(d, "info") for d in old_days[:2]]
    assert found[0].items() >= {"event_rows": 0, "delivery_rows": 0, "attempt_rows": 0, "due": 0, "held": 0}.items()


def test_a_day_that_still_holds_due_or_held_deliveries_is_not_dropped_in_silence(old_days: list[str]) -> None:
    endpoint = an_endpoint("https://93.184.216.34/in")
    second = datetime.strptime(old_days[1], "%Y%m%d").replace(tzinfo=UTC)
    for number, due_at in enumerate([second, None, None]):
        key = floor_of(second + timedelta(seconds=number))
        DueDelivery.objects.create(
            delivery_id=key, manual=False, endpoint_id=endpoint.id, event_id=key, rank=1, due_at=due_at
        )
    with capture_logs() as lines:
        retention.drop_partitions()
    (line,) = [line for line in lines if line["log_level"] == "warning"]
    assert line.items() >= {"event": "day_dropped", "day": f"{second:%Y-%m-%d}", "due": 1, "held": 2}.items()
    assert not DueDelivery.objects.exists()


def test_what_is_due_of_days_that_stay_for_another_round_stays_too(old_days: list[str]) -> None:
    endpoint = an_endpoint("https://93.184.216.34/in")
    third = floor_of(datetime.strptime(old_days[2], "%Y%m%d").replace(tzinfo=UTC))
    DueDelivery.objects.create(delivery_id=third, manual=False, endpoint_id=endpoint.id, event_id=third, rank=1)
    retention.drop_partitions()
    assert DueDelivery.objects.count() == 1


def test_the_rest_of_the_house_is_kept_while_nothing_may_be_dropped(
    old_days: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(retention, "purge_idempotency_keys", lambda: done.append("keys"))
    with host_off_by(400 * DAY):
        dispatcher.housekeeping()
    assert done == ["keys"]
