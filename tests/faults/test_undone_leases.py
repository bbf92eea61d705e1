"""PostgreSQL crashes right after lanes were leased: their leases, which do not wait for the disk, are undone by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deliveries.models import Lane, Worker
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.states import alter, frozen
from tests.faults.steps import arrived, arrived_ids, duplicates, emit, endpoints_at, is_all_succeeded, leader
from tests.faults.test_database_restarts import with_patience

LANES = 40


@pytest.fixture
def lazy(cluster: Cluster) -> Iterator[Cluster]:
    """A database that writes what waits for no disk as late as it may, and is soon back after a crash.

    Without `fsync` a server that is killed loses what it would lose with it, and need not sync all files first.
    """
    alter(cluster, "ALTER SYSTEM SET wal_writer_delay = '10s'")
    alter(cluster, "ALTER SYSTEM SET fsync = off")
    yield cluster
    alter(cluster, "ALTER SYSTEM RESET wal_writer_delay")
    alter(cluster, "ALTER SYSTEM RESET fsync")


def test_what_is_in_flight_under_a_lease_that_a_crash_undoes_is_sent_once(
    lazy: Cluster, receivers: list[Counting]
) -> None:
    """Given another worker that looks after this one has made its leases again, then it finds none to take."""
    for receiver in receivers:
        receiver.hang()
    endpoints = endpoints_at(receivers[:2], each=LANES // 2)
    lazy.worker()
    lazy.eventually(lambda: leader(lazy), seconds=30, what="a leader")
    with frozen(lazy.worker()):
        emitted = emit(endpoints, LANES)
        lazy.eventually(lambda: arrived(receivers) == LANES, seconds=30, what="the arrival of all")
        lazy.restart_database(crash=True)
        lazy.eventually(lambda: with_patience(is_all_leased), seconds=30, what="the leases, made again")
    wait_for_beats(lazy, workers=2)
    for receiver in receivers:
        receiver.let_go()
    lazy.eventually(lambda: with_patience(is_all_succeeded), seconds=60, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0


def test_what_two_workers_have_in_flight_when_the_database_crashes_is_sent_once(
    lazy: Cluster, receivers: list[Counting]
) -> None:
    """Given that either may ask for the lanes of the other one before that one has renewed, then nobody leases yet."""
    for receiver in receivers:
        receiver.hang()
    endpoints = endpoints_at(receivers[:2], each=LANES // 2)
    workers = [lazy.worker(), lazy.worker()]
    lazy.eventually(lambda: Worker.objects.filter(slow=False).count() >= 2, seconds=30, what="both")
    emitted = emit(endpoints, LANES)
    lazy.eventually(lambda: arrived(receivers) == LANES, seconds=30, what="the arrival of all")
    lazy.restart_database(crash=True)
    wait_for_beats(lazy, workers=2)
    for receiver in receivers:
        receiver.let_go()
    lazy.eventually(lambda: with_patience(is_all_succeeded), seconds=60, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0
    assert [worker.poll() for worker in workers] == [None, None]


def wait_for_beats(lazy: Cluster, *, workers: int) -> None:
    """Wait until the workers have long known that the database is back, and have looked for what is due."""
    ((since,),) = lazy.ask("SELECT now() + interval '1s' * 5")

    def have_beaten() -> bool:
        return Worker.objects.filter(slow=False, beat_at__gt=since).count() >= workers

    lazy.eventually(lambda: with_patience(have_beaten), seconds=30, what="the beats of both")


def is_all_leased() -> bool:
    """Whether every lane is in somebody's hands."""
    return Lane.objects.filter(lease_until__isnull=False).count() == LANES
