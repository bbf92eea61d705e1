"""One event of 1 MB for very many endpoints: what workers hold of it at once."""

from __future__ import annotations

from collections.abc import Iterator

from bench import filling
from bench.emit import event_of, request_headers
from bench.load import send
from bench.memory import Watched
from bench.receivers import odd_receiver
from bench.report import Figure
from bench.stage import Stage, wait_until

ENDPOINTS = 1000
BODY_BYTES = 1_000_000
ANSWER_SECONDS = 0.5
MARGIN = 1.2


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield by how much the worker grew most that did."""
    from deliveries.engine.limits import LIMITS

    filling.wipe()
    port = stage.odd_ports[0]
    customer = filling.make_endpoints_of_one(
        ENDPOINTS, url=lambda number: f"http://127.0.0.1:{port}/{number}", timeout_seconds=30
    )
    filling.settle()
    body = event_of(customer, data=b'{"text":"%b"}' % (b"x" * BODY_BYTES))
    receiver = odd_receiver(port=port, delay_seconds=ANSWER_SECONDS)
    with receiver, stage.web(HOOKPOST_BODY_LIMIT_BYTES=str(2 * BODY_BYTES)) as url, stage.workers() as workers:
        headers, watched = request_headers(), Watched(workers)
        with watched:
            send(f"{url}/api/v1/events", headers=headers, bodies=[body], seconds=0.0001, connections=1, rate=1)
            wait_until(lambda: filling.finished() >= ENDPOINTS, "all deliveries", pause=0.2)
    yield Figure(
        name="growth_by_1_mb_to_1000",
        value=max(watched.grown) / 1e6,
        unit="MB, the larger of two workers",
        ratio={"byte_budget": max(watched.grown) / LIMITS.bytes_in_flight},
        targets={"byte_budget": f"<= {MARGIN}"},
        note=watched.told(),
    )
