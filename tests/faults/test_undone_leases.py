"""PostgreSQL crashes right after lanes were leased: their leases, which do not wait for the disk, are undone by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.states import alter
from tests.faults.steps import arrived, arrived_ids, duplicates, emit, endpoints_at, is_all_succeeded, leader
from tests.faults.test_database_restarts import with_patience

LANES = 40


@pytest.fixture
def lazy(cluster: Cluster) -> Iterator[Cluster]:
    """A database that writes what waits for no disk as late as it may."""
    alter(cluster, "ALTER SYSTEM SET wal_writer_delay = '10s'")
    yield cluster
    alter(cluster, "ALTER SYSTEM RESET wal_writer_delay")


def test_a_worker_makes_leases_again_that_a_crash_undid(lazy: Cluster, receivers: list[Counting]) -> None:
    """Given two workers, then at most the one that asks first sends again what the other has in flight."""
    for receiver in receivers:
        receiver.delay_seconds = 4.0
    endpoints = endpoints_at(receivers[:2], each=LANES // 2)
    for _ in range(2):
        lazy.worker()
    lazy.eventually(lambda: leader(lazy), seconds=30, what="a leader")
    emitted = emit(endpoints, LANES)
    lazy.eventually(lambda: arrived(receivers) > LANES // 2, seconds=30, what="the arrival of the first")
    lazy.restart_database(crash=True)
    lazy.eventually(lambda: with_patience(is_all_succeeded), seconds=60, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) <= LANES // 2
