"""The steps that tests of alerts are made of: endpoints that fail, and others that hear of it.

What lives here: making incidents. It must not know what becomes of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from deliveries.models import Alert, Endpoint, EndpointHour, Lane
from deliveries.models.rollup import DURATIONS_MS
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import Script, emit, take_turn
from tests.receiver import Receiver

DEAD = "https://93.184.216.34/in"
Kind = Alert.Kind


def failing(endpoint: Endpoint, *, hours: float) -> datetime:
    """The endpoint has done nothing but fail for so long."""
    since = datetime.now(UTC) - timedelta(hours=hours)
    Lane.objects.filter(endpoint=endpoint).update(failing_since=since, failures=9)
    count_failures(endpoint, since, datetime.now(UTC))
    return since


def count_failures(endpoint: Endpoint, *moments: datetime, attempts: int = 2) -> None:
    """Attempts failed in the hours of these moments, and were counted."""
    EndpointHour.objects.bulk_create(
        [
            EndpointHour(
                endpoint_id=endpoint.id,
                hour=moment.replace(minute=0, second=0, microsecond=0),
                error="http_4xx",
                status_code=401,
                attempts=attempts,
                first_attempts=attempts,
                first_durations=[attempts, *(0 for _ in DURATIONS_MS)],
                last_at=moment,
            )
            for moment in moments
        ],
        ignore_conflicts=True,
    )


def an_hour_of(
    owner: object,
    hour: datetime,
    *,
    attempts: int,
    error: str = "",
    status: int = 204,
    slot: int = 2,
    sums: bool = True,
) -> None:
    """An hour's attempts that ended alike and took as long: those of an endpoint and its customer, or of all."""
    customers = Endpoint.objects.filter(id=owner).values_list("customer_id", flat=True) if sums else ()
    durations = [0] * (len(DURATIONS_MS) + 1)
    durations[slot] = attempts
    for each in (owner, *customers):
        EndpointHour.objects.create(
            endpoint_id=each,
            hour=hour,
            error=error,
            status_code=status,
            attempts=attempts,
            first_attempts=attempts,
            first_durations=durations,
            last_at=hour,
        )


def kinds_of(endpoint: Endpoint) -> list[str]:
    """The alerts about an endpoint, oldest first."""
    return list(Alert.objects.filter(endpoint=endpoint).order_by("id").values_list("kind", flat=True))


def a_listener(endpoint: Endpoint, receiver: Receiver, *event_types: str) -> tuple[Endpoint, str]:
    """Another endpoint of the same customer, that is content with everything; and its secret."""
    fields = {"url": receiver.url, "event_types": list(event_types)}
    return create_endpoint(endpoint.customer, fields, actor="user:alice")


def told_to(receiver: Receiver) -> list[dict[str, Any]]:
    """The bodies that came in."""
    return [orjson.loads(request.body) for request in receiver.requests]


def give_up(endpoint: Endpoint, receiver: Receiver, *, number: int = 1) -> None:
    """An event whose only attempt fails."""
    receiver.answer = Script(404)
    emit(endpoint, number=number)
    take_turn(endpoint)
    receiver.answer = Script(204)
    receiver.requests.clear()
