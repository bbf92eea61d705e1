"""Web servers that are killed: what got a 202 is stored, rung for or not, and what got none can be offered again."""

from __future__ import annotations

from deliveries.models import Event
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import arrived_ids, customers_of, duplicates, endpoints_at, is_all_succeeded

KILLS = 2
EVENTS = 1500


def test_web_servers_killed_amid_requests_lose_nothing_and_store_nothing_twice(
    cluster: Cluster, receivers: list[Counting], caller: Caller
) -> None:
    customers = customers_of(endpoints_at(receivers[:2]))
    cluster.worker()
    begun = caller.begin(customers, EVENTS)
    for number in range(1, KILLS + 1):
        enough = EVENTS * number // (KILLS + 1)
        cluster.eventually(lambda at=enough: Event.objects.count() >= at, seconds=30, what="the acceptance of a part")
        kill(next(child for name, child in cluster.children.items() if name.startswith("web") and child.poll() is None))
        cluster.web()
    emitted = caller.result(begun)
    assert emitted.refusals
    cluster.eventually(is_all_succeeded, seconds=10, what="the success of all")
    assert arrived_ids(receivers) == emitted.ids
    assert len(emitted.ids) == Event.objects.count() == EVENTS
    assert duplicates(receivers) == 0
