"""How many events a web process accepts, one by one and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import orjson

from bench import filling
from bench.load import fastest
from bench.report import Figure
from bench.stage import Stage, service_seconds

SECONDS = 6.0
CONNECTIONS = 32
BATCH_CONNECTIONS = 8
BATCH = 100


def measure(stage: Stage, *, full: bool) -> Iterator[Figure]:
    """Yield single events against an empty view on the same server, and batches of 100."""
    seconds = SECONDS * (4 if full else 1)
    filling.wipe()
    pairs = filling.make_endpoints(20, url=stage.nginx.url)
    filling.rest_lanes()
    headers, event = request_headers(), event_of(pairs[0][0])
    with stage.web(DJANGO_SETTINGS_MODULE="bench.empty") as url:
        empty = rate(stage, f"{url}/api/v1/empty", headers=headers, body=event, seconds=seconds)
    with stage.web() as url:
        before = seconds_spent(stage)
        single = rate(stage, f"{url}/api/v1/events", headers=headers, body=event, seconds=seconds)
        after, stored = seconds_spent(stage), filling.events()
        batch = b'{"events":[%b]}' % b",".join(event_of(pairs[n % 20][0]) for n in range(BATCH))
        batches = rate(
            stage,
            f"{url}/api/v1/events/batch",
            headers=headers,
            body=batch,
            seconds=seconds,
            connections=BATCH_CONNECTIONS,
        )
    yield Figure(name="empty_view", value=empty, unit="requests/s", note="202 from an empty view, 32 connections")
    yield Figure(
        name="emit_single",
        value=single,
        unit="events/s",
        ratio={"empty_view": single / empty},
        targets={"empty_view": ">= 0.5"},
    )
    for name, spent in zip(("web", "postgresql"), (b - a for a, b in zip(before, after, strict=True)), strict=True):
        yield Figure(name=f"emit_cost_{name}", value=spent / stored * 1e6, unit="us/event", note="single events")
    yield Figure(
        name="emit_batch", value=batches * BATCH, unit="events/s", ratio={"emit_single": batches * BATCH / single}
    )


def seconds_spent(stage: Stage) -> tuple[float, float]:
    """Return the CPU time of the web processes and of PostgreSQL so far."""
    return service_seconds(stage, "web"), service_seconds(stage, "postgres")


def rate(
    stage: Stage, url: str, *, headers: list[str], body: bytes, seconds: float, connections: int = CONNECTIONS
) -> float:
    """Return requests per second, after a second to warm up."""
    for duration in (1.0, seconds):
        found = fastest(url, headers=headers, body=body, seconds=duration, connections=connections, folder=stage.folder)
    return found


def request_headers() -> list[str]:
    """Return the headers of a caller with a fresh service key."""
    from deliveries.services.people.api_keys import create_api_key

    _, text = create_api_key("bench", ["events:write"], actor="system")
    return [f"Authorization: Bearer {text}", "Content-Type: application/json"]


def event_of(customer_id: UUID, *, data: bytes = filling.DATA) -> bytes:
    """Return the body of POST /events."""
    from deliveries.protocol.writing import ids

    customer = ids.encode_id(ids.CUSTOMER, customer_id)
    return b'{"customer":%b,"type":"invoice.paid","data":%b}' % (orjson.dumps(customer), data)
