"""Old days are dropped while deliveries go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deliveries.models import Attempt, Delivery
from deliveries.services.housekeeping import retention
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived, arrived_ids, customers_of, duplicates, endpoints_at, is_all_succeeded, leader
from tests.faults.test_rolling_restart import Load

DAYS_BACK = 45


def test_days_are_dropped_while_deliveries_go_on(cluster: Cluster, receivers: list[Counting], caller: Caller) -> None:
    customers = customers_of(endpoints_at(receivers[:2]))
    cluster.worker()
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a dispatcher")
    retention.open_partitions(days_back=DAYS_BACK)
    with Load(caller, customers) as load:
        cluster.eventually(lambda: arrived(receivers) > 50, seconds=30, what="the arrival of the first")
        while retention.drop_partitions():
            pass
        load.await_parts(cluster)
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert not any(part.refusals for part in load.parts)
    ids = set(caller.accepted)
    assert arrived_ids(receivers) == ids
    assert duplicates(receivers) == 0
    assert (Delivery.objects.count(), Attempt.objects.count()) == (len(ids), len(ids))
    oldest = f"{datetime.now(UTC) - timedelta(days=31):%Y%m%d}"
    assert not [name for name in retention.partitions_of("hookpost_event") if name.rpartition("_p")[2] < oldest]
