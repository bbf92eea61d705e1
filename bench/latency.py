"""How long an event takes from the caller to the receiver, at a low rate and at a high one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from bench import filling
from bench.emit import event_of, request_headers
from bench.load import send
from bench.receivers import arrivals
from bench.report import Figure
from bench.stage import Stage

ENDPOINTS = 50
LOW, HIGH = 50, 1000
SECONDS = 12.0
FULL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentiles in milliseconds, and how much of what was offered had not arrived when the offering ended."""

    p50: float
    p95: float
    p99: float
    behind: float


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the time from the POST to the arrival at 1,000 events a second, next to 50."""
    seconds = FULL_SECONDS if full else SECONDS
    filling.wipe()
    pairs = filling.make_endpoints(ENDPOINTS, url=lambda number: stage.nginx.url(number, path="timed"))
    headers, bodies = request_headers(), [event_of(customer) for customer, _ in pairs]
    with stage.web() as url, stage.workers():
        send(f"{url}/api/v1/events", headers=headers, bodies=bodies, seconds=3.0, rate=LOW)
        low = offer(stage, url, headers=headers, bodies=bodies, rate=LOW, seconds=seconds / 2)
        high = offer(stage, url, headers=headers, bodies=bodies, rate=HIGH, seconds=seconds)
    for name, spread in (("latency_at_50", low), ("latency_at_1000", high)):
        note = f"p50 {spread.p50:.1f}, p99 {spread.p99:.1f} ms; from the POST to the receiver"
        ratio = {"at_50": high.p95 / low.p95} if spread is high else {}
        yield Figure(name=f"{name}_p95", value=spread.p95, unit="ms", ratio=ratio, targets={"at_50": "<= 3"}, note=note)
    yield Figure(
        name="backlog_at_1000",
        value=high.behind,
        unit="s of the load offered",
        targets={"value": "<= 1"},
        note="accepted but not received at the moment the load ends",
    )


def offer(stage: Stage, url: str, *, headers: list[str], bodies: list[bytes], rate: float, seconds: float) -> Spread:
    """Offer a fixed rate and return how long the events took."""
    stage.nginx.arrivals.write_bytes(b"")
    answers = send(f"{url}/api/v1/events", headers=headers, bodies=bodies, seconds=seconds, rate=rate, connections=256)
    ended = time.time()
    assert all(answer.status == 202 for answer in answers)
    sent = {orjson.loads(answer.body)["id"]: answer.sent for answer in answers}
    return spread_of(sent, arrivals(stage.nginx, of=set(sent)), ended=ended, rate=rate)


def spread_of(sent: dict[str, float], arrived: dict[str, float], *, ended: float, rate: float) -> Spread:
    """Join what was sent with what arrived."""
    waits = sorted((arrived[each] - moment) * 1000 for each, moment in sent.items())
    behind = sum(1 for moment in arrived.values() if moment > ended) / rate
    return Spread(p50=percentile(waits, 50), p95=percentile(waits, 95), p99=percentile(waits, 99), behind=behind)


def percentile(ordered: list[float], percent: float) -> float:
    """Return a percentile of a sorted list."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
