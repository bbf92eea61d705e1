"""What a large queue and a long log cost: claims, drains, and dropping a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from bench import filling
from bench.drain import drain
from bench.filling import ID
from bench.report import Figure
from bench.stage import Stage

DUE_ELSEWHERE = 1_000_000
CLAIMS = 300
LOGGED, FULL_LOGGED = 500_000, 5_000_000
DAYS = 10
DELIVERIES = 40_000

MANY_DUE = """
INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor)
SELECT gen_random_uuid(), false, (%(endpoints)s::uuid[])[1 + n %% %(count)s], gen_random_uuid(), 1, 0, now(), ''
FROM generate_series(1, %(rows)s) n
"""

LOG = f"""
WITH made AS (
    SELECT {ID.format(ms="(%(begin)s + n * %(step)s)")} AS id, n FROM generate_series(0, %(rows)s - 1) n
), event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at)
    SELECT id, %(customer)s, 'invoice.paid', %(body)s, now() FROM made
), delivery AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, status_code, error, created_at, finished_at
    )
    SELECT id, id, %(endpoint)s, %(customer)s, 'invoice.paid', 'succeeded', 1, 204, '', now(), now() FROM made
)
INSERT INTO hookpost_attempt (
    id, delivery_id, endpoint_id, number, actor, started_at, duration_ms, status_code, error, detail, address,
    response_headers, response_body, truncated
)
SELECT id, id, %(endpoint)s, 1, '', now(), 5, 204, '', '', '127.0.0.1:9', 'server: nginx', '', false FROM made
"""  # noqa: S608


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield the cost of a claim next to a million due rows, of a drain over a long log, and of retention."""
    yield claims()
    logged = FULL_LOGGED if full else LOGGED
    empty = [drain(stage, endpoints=20, each=DELIVERIES // 20).rate]
    long = drain(stage, endpoints=20, each=DELIVERIES // 20, prepare=lambda pairs: write_log(pairs, rows=logged))
    empty.append(drain(stage, endpoints=20, each=DELIVERIES // 20).rate)
    yield Figure(
        name="drain_over_long_log",
        value=long.rate,
        unit="deliveries/s",
        ratio={"empty_log": long.rate / (sum(empty) / len(empty))},
        targets={"empty_log": ">= 0.85"},
        note=f"{logged} finished deliveries in the log",
    )
    yield retention(stage, rows=logged // DAYS)


def claims() -> Figure:
    """Return what a claim costs next to many due rows, as a ratio to the same without them."""
    filling.wipe()
    pairs = filling.make_endpoints(500, url=lambda number: f"http://127.0.0.1:9/{number}")
    filling.fill([pairs[0][0]], each=1000)
    filling.settle()
    before = claim_milliseconds(pairs[0][1])
    with connection.cursor() as cursor:
        others = [endpoint for _, endpoint in pairs[1:]]
        cursor.execute(MANY_DUE, {"endpoints": others, "count": len(others), "rows": DUE_ELSEWHERE})
    filling.settle()
    after = claim_milliseconds(pairs[0][1])
    return Figure(
        name="claim_beside_1000000_due",
        value=after,
        unit="ms per claim of 200",
        ratio={"none_beside": after / before},
        targets={"none_beside": "<= 1.3"},
    )


def claim_milliseconds(endpoint_id: UUID) -> float:
    """Return the time of a claim, the best of ten; claims read only, so each finds the same."""
    from deliveries.engine.leases import Leases, claim_batch, release_lanes

    now, times = time.monotonic(), []
    lanes, _ = Leases().take([endpoint_id], room=1, now=now)
    for _ in range(CLAIMS):
        lanes[0].waiting.clear()
        lanes[0].wake()
        started = time.perf_counter()
        claim_batch(lanes, rooms=[200] * len(lanes), now=now)
        times.append(time.perf_counter() - started)
        assert lanes[0].waiting
    release_lanes(lanes)
    return sorted(times)[CLAIMS // 10] * 1000


def write_log(pairs: list[tuple[UUID, UUID]], *, rows: int, days_ago: int = DAYS, days: int = DAYS) -> None:
    """Write finished deliveries, spread over days."""
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    milliseconds, span = int(begin.timestamp() * 1000), days * 86_400_000
    customer, endpoint = pairs[0]
    parameters: dict[str, Any] = {
        "customer": customer,
        "endpoint": endpoint,
        "body": filling.DATA,
        "step": span // rows,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOG, parameters | {"begin": milliseconds, "rows": rows})


def retention(stage: Stage, *, rows: int) -> Figure:
    """Return how long dropping a day takes while deliveries go on."""
    from deliveries.services.housekeeping.retention import drop_partitions, open_partitions

    dropped: list[str] = []
    seconds: list[float] = []

    def drop() -> None:
        started = time.monotonic()
        dropped.extend(drop_partitions(now=datetime.now(UTC) + timedelta(days=1)))
        seconds.append(time.monotonic() - started)

    def prepare(pairs: list[tuple[UUID, UUID]]) -> None:
        while drop_partitions():
            pass
        write_log(pairs, rows=rows, days_ago=30, days=1)

    while_it_goes_on = drain(stage, endpoints=20, each=DELIVERIES // 20, prepare=prepare, meanwhile=drop)
    assert dropped, while_it_goes_on
    open_partitions(days_back=30)
    return Figure(
        name="retention_of_a_day",
        value=seconds[0],
        unit="s",
        targets={"value": "<= 1"},
        note=f"{rows} finished deliveries dropped while {while_it_goes_on.rate:.0f}/s went on",
    )
