"""How many events one endpoint gets in batches, beside the same endpoint without."""

from __future__ import annotations

from collections.abc import Iterator

from bench.drain import Drained, drain
from bench.receivers import odd_receiver
from bench.report import Figure
from bench.stage import Stage

SIZE = 100
TAKES_SECONDS = 0.02
SLOW_PLAIN, SLOW_BATCHED, AT_ONCE = 4_000, 20_000, 20_000


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the rate of one endpoint whose receiver takes its time, and of one that answers at once."""
    port = stage.odd_ports[0]
    with odd_receiver(port=port, delay_seconds=TAKES_SECONDS):
        url = f"http://127.0.0.1:{port}/hook"
        plain, batched = one(stage, url, SLOW_PLAIN, size=1), one(stage, url, SLOW_BATCHED, size=SIZE)
    yield Figure(
        name="batched_endpoint",
        value=batched.rate,
        unit="events/s",
        ratio={"without_batches": batched.rate / plain.rate},
        targets={"without_batches": ">= 4"},
        note=f"one endpoint, up to {SIZE} in a request, {TAKES_SECONDS * 1000:.0f} ms for each request",
    )
    plain, batched = (one(stage, stage.nginx.url(), AT_ONCE, size=size) for size in (1, SIZE))
    yield Figure(
        name="batched_endpoint_at_once",
        value=batched.rate,
        unit="events/s",
        ratio={
            "without_batches": batched.rate / plain.rate,
            "python_cpu": batched.cpu_microseconds / plain.cpu_microseconds,
        },
        note="the same, and the receiver answers at once",
    )


def one(stage: Stage, url: str, events: int, *, size: int) -> Drained:
    """Drain one endpoint."""
    return drain(stage, endpoints=1, each=events, urls=[url], batch_size=size)
