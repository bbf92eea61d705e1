"""Twice of what the machine can do is offered for a while: delivering keeps its share, and catches up afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import filling
from bench.drain import drain
from bench.emit import event_of, request_headers
from bench.load import send
from bench.report import Figure
from bench.stage import Stage

ENDPOINTS = 50
SECONDS = 20.0
WARM_SECONDS = 3.0
CLOSED_SECONDS = 8.0
CONNECTIONS = 256
DRAINED = 400  # of each endpoint, for the yardstick


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One stretch of load: what was accepted and delivered in it, what was left, and how fast that went."""

    accepted: int
    delivered: int
    seconds: float
    left: int
    left_seconds: float


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the capacity for single events, what is delivered of twice of it meanwhile, and how the rest goes."""
    yardstick = drain(stage, endpoints=ENDPOINTS, each=DRAINED).rate
    filling.wipe()
    pairs = filling.make_endpoints(ENDPOINTS, url=stage.nginx.url)
    bodies = [event_of(customer) for customer, _ in pairs]
    with stage.web() as url, stage.workers():
        send(f"{url}/api/v1/events", headers=request_headers(), bodies=bodies, seconds=WARM_SECONDS, rate=50)
        closed = offer(stage, url, bodies, seconds=CLOSED_SECONDS, connections=16)
        capacity = closed.accepted / (closed.seconds + closed.left_seconds)
        flood = offer(stage, url, bodies, seconds=SECONDS, connections=CONNECTIONS, rate=2 * capacity)
    yield Figure(name="capacity_of_single_events", value=capacity, unit="events/s", note="accepted and delivered")
    delivered = flood.delivered / flood.seconds
    yield Figure(
        name="delivered_in_overload",
        value=delivered,
        unit="deliveries/s",
        ratio={"capacity": delivered / capacity},
        targets={"capacity": ">= 0.5"},
        note=f"offered {2 * capacity:.0f}/s, accepted {flood.accepted / flood.seconds:.0f}/s for {flood.seconds:.0f} s",
    )
    rate = flood.left / max(flood.left_seconds, 0.01)
    yield Figure(
        name="backlog_after_overload",
        value=rate,
        unit="deliveries/s",
        ratio={"drain": rate / yardstick},
        note=f"{flood.left} were left, gone in {flood.left_seconds:.1f} s",
    )


def offer(
    stage: Stage, url: str, bodies: list[bytes], *, seconds: float, connections: int, rate: float | None = None
) -> Offered:
    """Send for a while, then wait until all was delivered."""
    before, began = stage.nginx.count(), time.monotonic()
    answers = send(
        f"{url}/api/v1/events",
        headers=request_headers(),
        bodies=bodies,
        seconds=seconds,
        rate=rate,
        connections=connections,
    )
    took, delivered = time.monotonic() - began, stage.nginx.count() - before
    accepted = sum(answer.status == 202 for answer in answers)
    filling.await_requests(stage, until=before + accepted)
    filling.await_empty_queue()
    left_seconds = time.monotonic() - began - took
    return Offered(
        accepted=accepted, delivered=delivered, seconds=took, left=accepted - delivered, left_seconds=left_seconds
    )
