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


def with_patience(condition: Callable[[], bool]) -> bool:
    """A condition about the database, false while our own connection is broken."""
    try:
        return condition()
    except (OperationalError, InterfaceError):
        connection.close()
        return False
