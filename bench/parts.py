"""What a delivery costs, by part: an engine in this process, with a clock at each of its steps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench import filling
from bench.report import Figure
from bench.stage import Stage, service_seconds

ENDPOINTS = 20
DELIVERIES = 20_000
PARTS = {
    "claim": "leasing lanes, claiming what is due",
    "send": "preparing, signing, starting requests",
    "collect": "driving libcurl, judging answers",
    "record": "recording, giving lanes back",
}


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the CPU time of each step of the engine, and PostgreSQL's, in microseconds a delivery."""
    from deliveries.engine.loop import Engine

    spent: Counter[str] = Counter()

    class Timed(Engine):
        """An engine that notes how long its steps take on the CPU."""

        def _take(self) -> None:
            with clock("claim", spent):
                super()._take()

        def _feed(self, *, sending: bool) -> None:
            with clock("send", spent):
                super()._feed(sending=sending)

        def _collect(self) -> None:
            with clock("collect", spent):
                super()._collect()

        def _record(self) -> None:
            with clock("record", spent):
                super()._record()

    filling.wipe()
    pairs = filling.make_endpoints(ENDPOINTS, url=stage.nginx.url)
    customers, endpoints = [customer for customer, _ in pairs], [endpoint for _, endpoint in pairs]
    for _ in range(2):  # the first time warms up
        filling.fill(customers, each=DELIVERIES // ENDPOINTS)
        filling.settle()
        spent.clear()
        server = service_seconds(stage, "postgres")
        drive(Timed(wake=lambda lanes: None), endpoints, spent)
        server = service_seconds(stage, "postgres") - server
    for part, note in PARTS.items():
        yield Figure(name=f"cost_{part}", value=spent[part] / DELIVERIES * 1e6, unit="us/delivery", note=note)
    yield Figure(name="cost_postgresql", value=server / DELIVERIES * 1e6, unit="us/delivery", note="all its processes")


def drive(engine: Any, endpoints: list[Any], spent: Counter[str]) -> None:
    """Take turns until nothing is due."""
    while filling.due():
        engine.notify(endpoints)
        engine.step()
        while engine.lanes:
            engine.step()
    engine.abandon()


_running: list[str] = []


@contextmanager
def clock(part: str, spent: Counter[str]) -> Iterator[None]:
    """Add this thread's CPU time to a part; what runs inside another part is taken off there."""
    started = time.thread_time()
    _running.append(part)
    try:
        yield
    finally:
        took = time.thread_time() - started
        _running.pop()
        spent[part] += took  # type: ignore[assignment]
        if _running:
            spent[_running[-1]] -= took  # type: ignore[assignment]
