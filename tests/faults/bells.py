"""A listener in the place of the workers: which lanes were rung for, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dramatiq

from config.broker import make_broker
from deliveries.management.workers import build_worker
from tests.faults.cluster import Cluster


@contextmanager
def rung(cluster: Cluster) -> Iterator[Callable[[], Counter[str]]]:
    """Consume the bells of lanes in this process; inside, a call answers how often each endpoint was named."""
    broker = make_broker(cluster.broker.url)
    heard: Counter[str] = Counter()

    def deliver_due(endpoint_ids: list[str]) -> None:
        heard.update(endpoint_ids)

    dramatiq.actor(deliver_due, broker=broker, queue_name="deliveries", max_retries=0, time_limit=10_000)
    worker = build_worker(broker, queues={"deliveries"}, threads=1)
    worker.start()
    try:
        yield lambda: Counter(heard)
    finally:
        worker.stop()
        broker.close()
