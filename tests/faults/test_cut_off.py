"""One worker of two is cut off from the database: the other one goes on, and only what was in flight is doubled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deliveries.models import Attempt
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.lines import Line
from tests.faults.states import frozen
from tests.faults.steps import (
    arrived,
    arrived_ids,
    duplicates,
    emit,
    endpoints_at,
    is_all_succeeded,
    leader,
    unrecorded,
)

LANES = 20


@pytest.fixture
def line(cluster: Cluster) -> Iterator[Line]:
    """A line to the database for the processes that are told of it."""
    line = Line(cluster)
    yield line
    cluster.end_children()
    line.close()


@pytest.mark.parametrize("way", ["hanging", "frozen"])
def test_a_worker_that_is_cut_off_doubles_no_more_than_it_had_in_flight(
    cluster: Cluster, line: Line, receivers: list[Counting], way: str
) -> None:
    """Given a worker that comes back while there is much left to send, then what it has in hand is another one's."""
    for receiver in receivers:
        receiver.delay_seconds = 0.2
    endpoints = endpoints_at(receivers[:2], each=LANES // 2, max_in_flight=2)
    cluster.url = line.url
    try:
        worker = cluster.worker()
    finally:
        cluster.url = ""
    cluster.eventually(lambda: leader(cluster), seconds=30, what="a leader")
    emitted = emit(endpoints, 1200)
    cluster.eventually(lambda: arrived(receivers) > 100, seconds=30, what="the arrival of the first")
    with frozen(worker) if way == "frozen" else getattr(line, way)():
        cluster.eventually(lambda: not leader(cluster), seconds=30, what="the end of its lead")
        before, in_flight = arrived(receivers), unrecorded(receivers)
        cluster.worker()
        cluster.eventually(lambda: arrived(receivers) > before + 200, seconds=30, what="the work of the other one")
    cluster.eventually(is_all_succeeded, seconds=60, what="the success of all")
    cluster.eventually(lambda: Attempt.objects.count() == arrived(receivers), seconds=20, what="the late attempts")
    assert arrived_ids(receivers) == emitted
    assert duplicates(receivers) <= in_flight
    assert worker.poll() is None
