"""PostgreSQL restarted amid the work: who uses it recovers by itself, and what was accepted arrives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.emitting import Emitter, emitter
from tests.faults.steps import arrived, arrived_ids, duplicates, endpoints_at, is_all_succeeded


@pytest.fixture
def emitting(cluster: Cluster) -> Iterator[Emitter]:
    """A process that accepts events and rings for them, as a web process does."""
    with emitter(cluster) as running:
        yield running


@pytest.mark.parametrize("crash", [False, True], ids=["fast", "crash"])
def test_a_restart_of_the_database_loses_nothing_that_was_accepted(
    cluster: Cluster, receivers: list[Counting], emitting: Emitter, crash: bool
) -> None:
    for receiver in receivers:
        receiver.delay_seconds = 0.02
    (endpoint,) = endpoints_at(receivers[:1])
    workers = [cluster.worker(), cluster.worker()]
    emitting.order(endpoint, 600)
    cluster.eventually(lambda: arrived(receivers) > 100, seconds=30, what="the arrival of the first")
    cluster.restart_database(crash=crash)
    emitted = emitting.report()
    assert len(emitted.ids) == 600
    cluster.eventually(lambda: quietly(is_all_succeeded), seconds=40, what="the success of all")
    assert arrived_ids(receivers) == emitted.ids
    assert duplicates(receivers) <= 10
    assert [worker.poll() for worker in workers] == [None, None]


def quietly(condition: object) -> bool:
    """A condition about the database, false while our own connection is broken."""
    from django.db import InterfaceError, OperationalError, connection

    try:
        return bool(condition())  # type: ignore[operator]
    except (OperationalError, InterfaceError):
        connection.close()
        return False
