"""PostgreSQL hangs amid the work, answering and closing nothing, and what is in flight is answered meanwhile."""

from __future__ import annotations

import time

import pytest

from deliveries.models import Attempt
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.states import frozen
from tests.faults.steps import arrived, arrived_ids, duplicates, emit, endpoints_at, is_all_succeeded
from tests.faults.test_database_restarts import with_patience

IMPATIENT = "&options=-c%20statement_timeout%3D1s"  # workers hang up after six seconds
TIMEOUT_SECONDS, IN_FLIGHT = 13, 10


@pytest.mark.parametrize("options", ["", IMPATIENT], ids=["amid a statement", "amid connecting, too"])
def test_what_receivers_answer_while_the_database_hangs_did_not_come_too_late(
    cluster: Cluster, receivers: list[Counting], options: str
) -> None:
    """Given a hang that is longer than a receiver may take, then each answer counts as it came."""
    for receiver in receivers:
        receiver.hang()
    endpoints = endpoints_at(receivers[:2], timeout_seconds=TIMEOUT_SECONDS, max_in_flight=IN_FLIGHT)
    cluster.url = cluster.database.database_url + options
    try:
        for _ in range(2):
            cluster.worker()
    finally:
        cluster.url = ""
    emitted = emit(endpoints, 100)
    cluster.eventually(lambda: arrived(receivers) == 2 * IN_FLIGHT, seconds=30, what="the arrival of the first")
    server = cluster.database.postgres
    assert server is not None
    with frozen(server):
        for receiver in receivers:
            receiver.let_go()
        time.sleep(TIMEOUT_SECONDS)
    cluster.eventually(lambda: with_patience(is_all_succeeded), seconds=60, what="the success of all")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) == 0
    assert not Attempt.objects.exclude(error="").exists()
