"""The primary dies under load, and a synchronous standby takes over: what was answered 202 is there and arrives."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.faults.calling import Caller
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.states import Pair, alter
from tests.faults.steps import arrived, arrived_ids, customers_of, duplicates, endpoints_at
from tests.faults.test_rolling_restart import Load

pytestmark = pytest.mark.skipif("TEST_FAILOVER" not in os.environ, reason="make test-failover")
IS_SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"


def test_a_synchronous_failover_under_load_loses_nothing(
    cluster: Cluster, caller: Caller, receivers: list[Counting], tmp_path: Path
) -> None:
    endpoints = endpoints_at(receivers[:2])
    cluster.end_children()
    pair = Pair(cluster.database, tmp_path / "standby")
    try:
        pair.start()
        alter(cluster, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        cluster.eventually(lambda: cluster.ask(IS_SYNCHRONOUS) == [(1,)], seconds=20, what="a synchronous standby")
        cluster.url = pair.url
        cluster.web()
        cluster.worker()
        with Load(caller, customers_of(endpoints)) as load:
            load.await_parts(cluster)
            cluster.eventually(lambda: arrived(receivers) > 20, seconds=20, what="deliveries")
            before, died = arrived(receivers), time.monotonic()
            pair.fail_over()
            load.await_parts(cluster)
            cluster.eventually(lambda: arrived(receivers) > before + 60, seconds=30, what="deliveries after it")
            seconds = time.monotonic() - died
            load.await_parts(cluster)
        ids = {each for part in load.parts for each in part.ids}
        cluster.eventually(lambda: arrived_ids(receivers) >= ids, seconds=60, what="the arrival of all")
        refusals = sum(sum(part.refusals.values()) for part in load.parts)
        print(
            f"{len(ids)} events, lost 0, doubled {duplicates(receivers)}, refused {refusals}, on after {seconds:.1f} s"
        )
    finally:
        cluster.end_children()
        cluster.url = ""
        pair.stop()
        cluster.database.ensure()
        alter(cluster, "ALTER SYSTEM RESET synchronous_standby_names")
