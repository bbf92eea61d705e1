"""How long after its start a worker makes its first request, and what processor time that takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from bench import filling
from bench.report import Figure
from bench.stage import Stage, service_seconds, stop

STARTS, FULL_STARTS = 5, 15


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the middle one of some starts beside one delivery that is due."""
    filling.wipe()
    pairs = filling.make_endpoints(1, url=stage.nginx.url)
    filling.settle()
    starts = [first_request(stage, pairs[0]) for _ in range(FULL_STARTS if full else STARTS)]
    clock, processor = (median(column) for column in zip(*starts, strict=True))
    yield Figure(
        name="start_to_first_request",
        value=clock,
        unit="s",
        targets={"value": "<= 1"},
        note=f"{processor:.2f} s of the worker's processor time; {min(starts)[0]:.2f} to {max(starts)[0]:.2f} s",
    )


def first_request(stage: Stage, pair: tuple[object, object]) -> tuple[float, float]:
    """Start a worker; returns seconds until its first request came, and its processor time until then."""
    filling.fill([pair[0]], each=1)  # type: ignore[list-item]
    before, began = stage.nginx.count(), time.monotonic()
    worker = stage.start("manage.py", "worker", name="worker")
    try:
        filling.await_requests(stage, until=before + 1)
        return time.monotonic() - began, service_seconds(stage, "worker")
    finally:
        filling.await_empty_queue()
        stop([worker])
