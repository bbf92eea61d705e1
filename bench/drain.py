"""How fast a backlog is delivered, and what a delivery costs Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from bench import filling
from bench.floor import floor_rate
from bench.plain import plain_rate
from bench.report import Figure
from bench.stage import Stage, cpu_seconds

DELIVERIES = 50_000
WARM_UP = 2_000
PLAIN_DELIVERIES = 4_000
FLOOR_REQUESTS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What one drain came to."""

    rate: float
    cpu_microseconds: float


def drain(
    stage: Stage,
    *,
    endpoints: int,
    each: int,
    prepare: Callable[[list[tuple[UUID, UUID]]], None] = lambda pairs: None,
    meanwhile: Callable[[], None] = lambda: None,
    settle: Callable[[], None] = filling.settle,
    urls: Sequence[str] = (),
    ca_file: str = "",
    batch_size: int = 1,
) -> Drained:
    """Fill lanes while they rest, start workers, warm them up on lanes apart, and time the drain."""
    filling.wipe()
    pairs = filling.make_endpoints(endpoints, url=urls.__getitem__ if urls else stage.nginx.url, batch_size=batch_size)
    warm = filling.make_endpoints(20, url=stage.nginx.url)
    filling.rest_lanes()
    filling.fill([customer for customer, _ in pairs], each=each)
    prepare(pairs)
    settle()
    with stage.workers(HOOKPOST_CA_FILE=ca_file) as processes:
        warm_up(stage, [endpoint for _, endpoint in warm], [customer for customer, _ in warm])
        cpu, started = cpu_seconds(processes), time.monotonic()
        before = stage.nginx.count()
        filling.release([endpoint for _, endpoint in pairs])
        meanwhile()
        if not urls:
            filling.await_requests(stage, until=before + endpoints * each)
        filling.await_empty_queue()
        seconds, cpu = time.monotonic() - started, cpu_seconds(processes) - cpu
    assert filling.finished() >= endpoints * each + WARM_UP
    return Drained(rate=endpoints * each / seconds, cpu_microseconds=cpu / (endpoints * each) * 1e6)


def warm_up(stage: Stage, endpoints: list[UUID], customers: list[UUID]) -> None:
    """Have the workers import, connect and prepare what the first deliveries of a process need."""
    before = stage.nginx.count()
    filling.fill(customers, each=WARM_UP // len(customers))
    filling.release_only(endpoints)
    filling.await_requests(stage, until=before + WARM_UP)


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the drain over 20 endpoints and over 5,000, with both yardsticks, and the cost in Python."""
    floors = [floor_rate(stage, requests=FLOOR_REQUESTS)]
    plain = plain_rate(stage, deliveries=PLAIN_DELIVERIES, endpoints=20)
    yield Figure(name="plain", value=plain, unit="deliveries/s", note="a message per delivery, ORM, requests")
    few = drain(stage, endpoints=20, each=DELIVERIES // 20)
    floors.append(floor_rate(stage, requests=FLOOR_REQUESTS))
    floor = sum(floors) / len(floors)
    yield Figure(name="floor", value=floor, unit="requests/s", note="libcurl alone; mean of before and after")
    yield Figure(
        name="drain_20_endpoints",
        value=few.rate,
        unit="deliveries/s",
        ratio={"floor": few.rate / floor, "plain": few.rate / plain},
        targets={"plain": ">= 12", "floor": ">= 0.2"},
    )
    yield Figure(name="drain_python_cpu", value=few.cpu_microseconds, unit="us/delivery", targets={"value": "<= 120"})
    many = drain(stage, endpoints=5000, each=DELIVERIES // 5000)
    yield Figure(
        name="drain_5000_endpoints",
        value=many.rate,
        unit="deliveries/s",
        ratio={"floor": many.rate / floor, "plain": many.rate / plain, "drain_20_endpoints": many.rate / few.rate},
        targets={"drain_20_endpoints": ">= 0.6"},
    )
