"""What events cost that come alone: few a second, where nothing gathers into batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from bench import filling
from bench.emit import event_of, request_headers
from bench.floor import floor_cpu
from bench.latency import percentile
from bench.load import send
from bench.receivers import arrivals
from bench.report import Figure
from bench.stage import Stage, service_seconds

ENDPOINTS = 50
SECONDS = 12.0
RATES = (50, 200)
PROGRAMS = ("web", "worker", "postgres", "valkey-server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One rate: processor time per event by program, and how long after the answer the event arrived."""

    cpu_us: dict[str, float]
    post_ms: float
    gap_ms: float


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield processor time per event in units of the floor's per request, and answer to receiver beside the POST."""
    filling.wipe()
    pairs = filling.make_endpoints(ENDPOINTS, url=lambda number: stage.nginx.url(number, path="timed"))
    headers, bodies = request_headers(), [event_of(customer) for customer, _ in pairs]
    floor = floor_cpu(stage)
    yield Figure(
        name="floor_cpu", value=floor, unit="us/request", note="plain libcurl as fast as it can, processor time"
    )
    with stage.web() as url, stage.workers():
        send(f"{url}/api/v1/events", headers=headers, bodies=bodies, seconds=3.0, rate=RATES[0])
        for rate in RATES:
            paced = floor_cpu(stage, requests=int(SECONDS / 2 * rate), rate=rate)
            yield Figure(
                name=f"floor_cpu_at_{rate}", value=paced, unit="us/request", note=f"the same at {rate} requests/s"
            )
            day = live(stage, url, headers=headers, bodies=bodies, rate=rate)
            parts = ", ".join(f"{name} {value:.0f}" for name, value in day.cpu_us.items())
            whole = sum(day.cpu_us.values())
            yield Figure(
                name=f"cpu_at_{rate}",
                value=whole,
                unit="us/event",
                ratio={"floor_cpu": whole / floor, f"floor_cpu_at_{rate}": whole / paced},
                targets={"floor_cpu": "<= 60"} if rate == RATES[0] else {},
                note=parts,
            )
            yield Figure(
                name=f"answer_to_receiver_at_{rate}",
                value=day.gap_ms,
                unit="ms, p50",
                ratio={"post": day.gap_ms / day.post_ms},
                targets={"post": "<= 0.5"},
                note=f"the POST itself {day.post_ms:.1f} ms",
            )


def live(stage: Stage, url: str, *, headers: list[str], bodies: list[bytes], rate: int) -> Day:
    """Offer a rate for a while."""
    stage.nginx.arrivals.write_bytes(b"")
    before = spent(stage)
    answers = send(f"{url}/api/v1/events", headers=headers, bodies=bodies, seconds=SECONDS, rate=rate, connections=64)
    sent = {orjson.loads(answer.body)["id"]: answer for answer in answers}
    arrived = arrivals(stage.nginx, of=set(sent))
    time.sleep(0.5)
    after = spent(stage)
    posts = sorted((answer.answered - answer.sent) * 1000 for answer in answers)
    gaps = sorted((arrived[each] - answer.answered) * 1000 for each, answer in sent.items())
    return Day(
        cpu_us={name: (after[name] - before[name]) / len(sent) * 1e6 for name in PROGRAMS},
        post_ms=percentile(posts, 50),
        gap_ms=percentile(gaps, 50),
    )


def spent(stage: Stage) -> dict[str, float]:
    """Return the processor time so far of each program of the stage."""
    return {name: service_seconds(stage, name) for name in PROGRAMS}
