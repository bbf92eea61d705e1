"""Behind PgBouncer in transaction mode: every statement may come to another session, and all works as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deliveries.models import Event
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.pooler import POOL, pooled, program, sessions_of
from tests.faults.steps import arrived_ids, customers_of, duplicates, endpoints_at, is_all_succeeded, leader

pytestmark = pytest.mark.skipif(program() is None, reason="PgBouncer is not installed")

EVENTS = 300


@pytest.fixture
def url(cluster: Cluster, tmp_path: Path) -> Iterator[str]:
    """The database by way of the pooler."""
    with pooled(cluster, tmp_path) as url:
        yield url


def test_events_are_accepted_and_delivered_and_nothing_is_left_in_a_session(
    cluster: Cluster, url: str, receivers: list[Counting], caller: Caller
) -> None:
    customers = customers_of(endpoints_at(receivers[:3]))
    for _ in range(2):
        cluster.worker()
    emitted = caller.emit(customers, EVENTS)
    assert not emitted.refusals
    cluster.eventually(is_all_succeeded, seconds=20, what="the success of all")
    assert arrived_ids(receivers) == emitted.ids
    assert duplicates(receivers) == 0
    assert Event.objects.count() == EVENTS
    assert set(sessions_of(url)) == {("auto", "on", 0, 0)}
    ((held,),) = cluster.ask("SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'")
    assert held <= POOL + 3  # with ours, which asks without the pooler


def test_one_dispatcher_leads_and_another_follows_when_it_is_killed(
    cluster: Cluster, url: str, receivers: list[Counting]
) -> None:
    for _ in range(3):
        cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a leader")
    first = leader(cluster)
    kill(cluster.children[first])
    cluster.eventually(lambda: leader(cluster) not in ("", first), seconds=10, what="another leader")
    assert leader(cluster) in set(cluster.children) - {first}
