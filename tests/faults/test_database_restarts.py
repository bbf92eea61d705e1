"""PostgreSQL restarted amid the work: who uses it recovers by itself, and what was accepted arrives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import InterfaceError, OperationalError, connection

from deliveries.models import Attempt, Event
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import (
    arrived,
    arrived_ids,
    customers_of,
    duplicates,
    endpoints_at,
    is_all_succeeded,
)


@pytest.mark.parametrize("crash", [False, True], ids=["fast", "crash"])
def test_a_restart_of_the_database_loses_nothing_that_was_accepted(
    cluster: Cluster, receivers: list[Counting], caller: Caller, crash: bool
) -> None:
    for receiver in receivers:
        receiver.delay_seconds = 0.02
    customers = customers_of(endpoints_at(receivers[:2]))
    workers = [cluster.worker(), cluster.worker()]
    begun = caller.begin(customers, 1000)
    cluster.eventually(lambda: arrived(receivers) > 100, seconds=30, what="the arrival of the first")
    cluster.restart_database(crash=crash)
    emitted = caller.result(begun)
    cluster.eventually(lambda: with_patience(is_all_succeeded), seconds=40, what="the success of all")
    assert arrived_ids(receivers) == emitted.ids
    assert len(emitted.ids) == Event.objects.count() == 1000
    assert duplicates(receivers) == 0
    assert Attempt.objects.count() == 1000
    assert [worker.poll() for worker in workers] == [None, None]


@pytest.mark.parametrize("lease_seconds", [2, 20])
def test_a_database_that_is_away_for_seconds_doubles_nothing(
    cluster: Cluster, receivers: list[Counting], caller: Caller, lease_seconds: int
) -> None:
    """Given workers that all fell silent with it, then none takes another one's lanes when it is back."""
    for receiver in receivers:
        receiver.delay_seconds = 0.02
    customers = customers_of(endpoints_at(receivers[:2]))
    for _ in range(3):
        cluster.worker(lease_seconds=lease_seconds)
    begun = caller.begin(customers, 500)
    cluster.eventually(lambda: arrived(receivers) > 100, seconds=30, what="the arrival of the first")
    cluster.restart_database(crash=True, away_seconds=4)
    emitted = caller.result(begun)
    cluster.eventually(lambda: with_patience(is_all_succeeded), seconds=60, what="the success of all")
    assert arrived_ids(receivers) == emitted.ids
    assert duplicates(receivers) == 0


def with_patience(condition: Callable[[], bool]) -> bool:
    """A condition about the database, false while our own connection is broken."""
    try:
        return condition()
    except (OperationalError, InterfaceError):
        connection.close()
        return False
