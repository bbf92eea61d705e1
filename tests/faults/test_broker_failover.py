"""A node of the broker is killed under load, and another takes over: no delivery is lost, doubled or late for long."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from tests.config.test_broker_kinds import DEBIAN
from tests.faults.broker_clusters import RabbitCluster, WatchedValkey
from tests.faults.brokers import Broker
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived, arrived_ids, customers_of, duplicates, endpoints_at, is_all_succeeded
from tests.faults.test_rolling_restart import Load

pytestmark = pytest.mark.skipif("TEST_FAILOVER" not in os.environ, reason="make test-failover")
RABBITMQ = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin")


@contextmanager
def running_on(cluster: Cluster, broker: Broker) -> Iterator[None]:
    """The installation with this broker instead of its own."""
    cluster.end_children()
    usual, cluster.broker = cluster.broker, broker
    try:
        broker.start()
        cluster.web()
        cluster.worker()
        yield
    finally:
        cluster.end_children()
        cluster.broker = usual
        broker.stop()


def broker_word(cluster: Cluster) -> str:
    """What /readyz says of the broker."""
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{cluster.port}/readyz", timeout=10) as answer:
        return str(json.load(answer)["broker"])
    return ""


class Steady(Load):
    """A service that posts some forty events a second, each of which needs a message to be delivered at once."""

    def __init__(self, caller: Caller, customers: list[str]) -> None:
        super().__init__(caller, customers)
        self.moments: dict[str, float] = {}

    def post_on(self) -> None:
        """Post one event after the other, and remember when each was accepted."""
        while not self.enough.wait(0.02):
            self.parts.append(self.caller.emit([self.customers[len(self.parts) % len(self.customers)]], 1))
            self.moments |= dict.fromkeys(self.parts[-1].ids, time.monotonic())


def harm_under_load(
    cluster: Cluster, caller: Caller, receivers: list[Counting], recovered: Callable[[], object]
) -> str:
    """Kill the first node while events are posted and delivered; assert what is promised, return the figures."""
    with Steady(caller, customers_of(endpoints_at(receivers[:2], each=20))) as load:
        cluster.eventually(lambda: broker_word(cluster) == "ok", seconds=20, what="the broker")
        cluster.eventually(lambda: arrived(receivers) > 200, seconds=30, what="deliveries")
        died, before = time.monotonic(), len(load.moments)
        cluster.broker.kill()
        cluster.eventually(lambda: broker_word(cluster) == "ok", seconds=60, what="the broker's return")
        cluster.eventually(recovered, seconds=60, what="another node at work")
        back = time.monotonic() - died
        cluster.eventually(lambda: len(load.moments) > before + 200, seconds=30, what="posts after it")
        ended, rate = time.monotonic(), (len(load.moments) - before) / (time.monotonic() - died)
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert [part.refusals for part in load.parts if part.refusals] == []
    assert arrived_ids(receivers) == set(load.moments)
    assert duplicates(receivers) == 0
    came = {each: moment for receiver in receivers for each, moment in receiver.moments.items()}
    late = [came[each] - moment for each, moment in load.moments.items() if moment > died]
    pause = max(b - a for a, b in pairwise([died, *(each for each in sorted(came.values()) if died < each < ended)]))
    return (
        f"{len(came)} events at {rate:.0f} a second: lost 0, doubled 0, refused 0; nothing arrived for {pause:.1f} s at"
        f" most, an event waited {max(late):.1f} s at most, {median(late):.3f} s in the median;"
        f" broker ok after {back:.1f} s"
    )


@pytest.mark.skipif(RABBITMQ is None, reason="Debian's rabbitmq-server is not installed")
def test_one_of_three_nodes_of_rabbitmq_killed_loses_nothing(
    cluster: Cluster, caller: Caller, receivers: list[Counting], tmp_path: Path
) -> None:
    nodes = RabbitCluster(tmp_path)
    with running_on(cluster, nodes):
        print("RabbitMQ:", harm_under_load(cluster, caller, receivers, lambda: nodes.consumers("deliveries")))


@pytest.mark.parametrize("program", [pytest.param("", id="Valkey"), pytest.param(DEBIAN, id="Redis")])
def test_a_master_watched_by_sentinels_killed_loses_nothing(
    cluster: Cluster, caller: Caller, receivers: list[Counting], tmp_path: Path, program: str | None
) -> None:
    if program is None:
        pytest.skip("Debian's redis-sentinel is not installed")
    watched = WatchedValkey(tmp_path, program)
    with running_on(cluster, watched):
        figures = harm_under_load(
            cluster, caller, receivers, lambda: watched.master(watched.sentinels[0])["port"] != watched.ports[0]
        )
    print("Redis:" if program else "Valkey:", figures)
