"""Whether endpoints that hang, refuse or are slow delay the others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median
from uuid import UUID

from bench import filling
from bench.latency import percentile
from bench.receivers import arrivals, odd_receiver
from bench.report import Figure
from bench.stage import Stage

ENDPOINTS = 200
RATE = 200
SECONDS = 12.0
FULL_SECONDS = 60.0
WINDOWS = 3  # the middle one counts: what the machine itself does for a moment is in one of them at most
TIMEOUT_SECONDS = 5
BACKLOG, FULL_BACKLOG = 20_000, 200_000
SLOW_SECONDS = 0.05
HANG_SECONDS = 3600.0
TICK_SECONDS = 0.005
OUTAGE_ENDPOINTS, OUTAGE_BACKLOG = 2000, 20
LATE_SECONDS, LATE_ENDPOINTS, LATE_BACKLOG = 26.0, 5000, 5


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the p99 of healthy endpoints next to bad ones, as a ratio to the p99 without them."""
    seconds = FULL_SECONDS if full else SECONDS
    hanging, slow, refusing = stage.odd_ports[:3]
    with ExitStack() as stack:
        stack.enter_context(odd_receiver(port=hanging, delay_seconds=HANG_SECONDS))
        stack.enter_context(odd_receiver(port=slow, delay_seconds=SLOW_SECONDS))
        alone = healthy_p99(stage, {}, seconds=seconds)
        bad = {number: hanging if number % 2 else refusing for number in range(ENDPOINTS // 5)}
        beside_bad = healthy_p99(stage, bad, seconds=seconds)
        backlog = FULL_BACKLOG if full else BACKLOG
        beside_big = healthy_p99(stage, {0: slow}, seconds=seconds, backlog=backlog)
        outage = outage_p99(stage, hanging, seconds=seconds) if full else None
        late = late_p99(stage, stage.odd_ports[3], seconds=seconds) if full else None
    yield Figure(name="healthy_alone_p99", value=alone, unit="ms", note=f"{ENDPOINTS} endpoints, {RATE} events/s")
    yield Figure(
        name="healthy_beside_hanging_p99",
        value=beside_bad,
        unit="ms",
        ratio={"alone": beside_bad / alone},
        targets={"alone": "<= 2"},
        note="10 % hang until the deadline, 10 % refuse",
    )
    yield Figure(
        name="healthy_beside_backlog_p99",
        value=beside_big,
        unit="ms",
        ratio={"alone": beside_big / alone},
        targets={"alone": "<= 2"},
        note=f"one endpoint with {backlog} due at {SLOW_SECONDS * 1000:.0f} ms each",
    )
    if outage is not None:
        yield Figure(
            name="healthy_in_an_outage_p99",
            value=outage,
            unit="ms",
            ratio={"alone": outage / alone},
            note=f"{OUTAGE_ENDPOINTS} others with {OUTAGE_BACKLOG} due each begin to hang at the same moment",
        )
    if late is not None:
        yield Figure(
            name="healthy_beside_late_p99",
            value=late,
            unit="ms",
            ratio={"alone": late / alone},
            targets={"alone": "<= 2"},
            note=f"{LATE_ENDPOINTS} endpoints of one customer that answer 200 after {LATE_SECONDS:.0f} s",
        )


def late_p99(stage: Stage, port: int, *, seconds: float) -> float:
    """Return the p99 of the healthy beside one customer whose many endpoints all answer late, but well."""
    with odd_receiver(port=port, delay_seconds=LATE_SECONDS):
        filling.wipe()
        pairs = filling.make_endpoints(ENDPOINTS, url=lambda number: stage.nginx.url(number, path="timed"))
        late = filling.make_endpoints_of_one(
            LATE_ENDPOINTS, url=lambda number: f"http://127.0.0.1:{port}/{number}", timeout_seconds=30
        )
        filling.rest_lanes()
        filling.fill([late], each=LATE_BACKLOG)
        filling.settle()
        customers = [customer for customer, _ in pairs]
        with stage.workers():
            filling.release([endpoint for _, endpoint in pairs])
            offer(customers, set(customers), rate=RATE, seconds=3.0)
            accepted = offer(customers, set(customers), rate=RATE, seconds=seconds)
            arrived = arrivals(stage.nginx, of=set(accepted))
    return windowed_p99(accepted, arrived, windows=WINDOWS)


def outage_p99(stage: Stage, port: int, *, seconds: float) -> float:
    """Return the p99 of the healthy from the moment on at which ten times as many begin to hang."""
    bad = dict.fromkeys(range(OUTAGE_ENDPOINTS), port)
    endpoints = OUTAGE_ENDPOINTS + ENDPOINTS
    return healthy_p99(stage, bad, seconds=seconds, backlog=OUTAGE_BACKLOG, endpoints=endpoints, from_the_start=True)


def healthy_p99(
    stage: Stage,
    odd: dict[int, int],
    *,
    seconds: float,
    backlog: int = 0,
    endpoints: int = ENDPOINTS,
    from_the_start: bool = False,
) -> float:
    """Offer events to all endpoints; return the p99 in ms from accept to arrival at those that are not odd.

    `from_the_start` offers to the healthy only, and counts from the moment on at which all lanes wake.
    """
    filling.wipe()

    def url(number: int) -> str:
        port = odd.get(number)
        return f"http://127.0.0.1:{port}/{number}" if port else stage.nginx.url(number, path="timed")

    pairs = filling.make_endpoints(endpoints, url=url, timeout_seconds=TIMEOUT_SECONDS)
    healthy = {customer for number, (customer, _) in enumerate(pairs) if number not in odd}
    offered = [customer for customer, _ in pairs if not from_the_start or customer in healthy]
    filling.rest_lanes()
    if backlog:
        filling.fill([pairs[number][0] for number in odd], each=backlog)
    filling.settle()
    with stage.workers():
        filling.release([endpoint for _, endpoint in pairs])
        if not from_the_start:
            offer(offered, healthy, rate=RATE, seconds=3.0)
        accepted = offer(offered, healthy, rate=RATE, seconds=seconds)
        arrived = arrivals(stage.nginx, of=set(accepted))
    return windowed_p99(accepted, arrived, windows=1 if from_the_start else WINDOWS)


def windowed_p99(accepted: dict[str, float], arrived: dict[str, float], *, windows: int) -> float:
    """Return the middle one of the p99s in ms of so many equal stretches of time."""
    waits = [(arrived[each] - moment) * 1000 for each, moment in accepted.items()]  # in the order of acceptance
    size = -(-len(waits) // windows)
    return median(percentile(sorted(waits[start : start + size]), 99) for start in range(0, len(waits), size))


def offer(customers: Sequence[UUID], healthy: set[UUID], *, rate: int, seconds: float) -> dict[str, float]:
    """Accept events at a fixed rate, in turn, and return when those for healthy endpoints were due."""
    from deliveries.actors import wake
    from deliveries.protocol.writing import ids
    from deliveries.services.accepting.events import Accepted, EventDraft, accept_events

    begin, sent, moments = time.time(), 0, {}
    while sent < rate * seconds:
        due = min(int((time.time() - begin) * rate), int(rate * seconds))
        chosen = [customers[number % len(customers)] for number in range(sent, due)]
        drafts = [EventDraft(type="invoice.paid", data=filling.DATA, customer_id=customer) for customer in chosen]
        for place, result in enumerate(accept_events(drafts)):
            assert isinstance(result, Accepted)
            wake(result.wake)
            if chosen[place] in healthy:
                moments[ids.encode_id(ids.EVENT, result.event_id)] = begin + (sent + place) / rate
        sent = due
        time.sleep(TICK_SECONDS)
    return moments
