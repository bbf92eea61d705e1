"""The disk of the database stalls: what is durable waits, all else goes on. Nobody is lost, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived, arrived_ids, duplicates, emit, endpoints_at, is_all_succeeded, leader

LANES = 20
STALL_SECONDS = 8.0  # twice as long as a worker may be silent


@contextmanager
def stalled(cluster: Cluster) -> Iterator[None]:
    """Inside, a commit that is to be durable waits: for a standby that nobody has, as it would for the disk."""
    with psycopg.connect(cluster.database.database_url, autocommit=True) as server:
        server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            server.execute("ALTER SYSTEM RESET synchronous_standby_names")
            server.execute("SELECT pg_reload_conf()")


def test_workers_that_wait_for_the_disk_are_not_taken_for_lost(cluster: Cluster, receivers: list[Counting]) -> None:
    for receiver in receivers:
        receiver.delay_seconds = 0.2
    endpoints = endpoints_at(receivers[:2], each=LANES // 2, max_in_flight=2)
    for _ in range(2):
        cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=30, what="a leader")
    emitted = emit(endpoints, 1200)
    cluster.eventually(lambda: arrived(receivers) > 200, seconds=30, what="the arrival of the first")
    with stalled(cluster):
        cluster.eventually(lambda: waiting_seconds(cluster) > STALL_SECONDS, seconds=30, what="the end of the stall")
    cluster.eventually(is_all_succeeded, seconds=60, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0


def waiting_seconds(cluster: Cluster) -> float:
    """For how long somebody has waited for a durable commit."""
    ((seconds,),) = cluster.ask(
        "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8"
        " FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    )
    return float(str(seconds))
