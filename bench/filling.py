"""Customers, endpoints and due deliveries, made as in production and kept waiting until the clock starts.

What lives here: bulk set-up. Deliveries come from the real accept statement; lanes rest meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from bench.stage import Stage, wait_until

BATCH = 1000
DATA = orjson.dumps(
    {
        "id": "in_1MtHbELkdIwHu7ixl4OzzPMv",
        "object": "invoice",
        "customer": {"name": "Alice & Co", "email": "alice@example.com", "country": "NL"},
        "amount_due": 4999,
        "currency": "eur",
        "paid": True,
        "lines": [{"id": f"il_{n}", "amount": 1666, "description": "Subscription, one month"} for n in range(3)],
        "metadata": {"order": "2041-77", "channel": "web"},
    }
)
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


def make_endpoints(count: int, *, url: Callable[[int], str], **fields: object) -> list[tuple[UUID, UUID]]:
    """Create customers with one endpoint each; returns pairs of customer id and endpoint id."""
    from deliveries.models import Customer, Endpoint, EndpointSecret, Lane

    customers = [Customer(name=f"Customer {number}") for number in range(count)]
    endpoints = [Endpoint(customer=c, url=url(number), **fields) for number, c in enumerate(customers)]
    secrets = [EndpointSecret(endpoint=endpoint) for endpoint in endpoints]
    for secret in secrets:
        secret.seal_secret(SECRET)
    Customer.objects.bulk_create(customers)
    Endpoint.objects.bulk_create(endpoints)
    EndpointSecret.objects.bulk_create(secrets)
    Lane.objects.bulk_create([Lane(endpoint=endpoint) for endpoint in endpoints])
    return [(endpoint.customer_id, endpoint.id) for endpoint in endpoints]


def make_endpoints_of_one(count: int, *, url: Callable[[int], str], **fields: object) -> UUID:
    """Create one customer with so many endpoints; returns the customer's id."""
    from deliveries.models import Customer, Endpoint, EndpointSecret, Lane

    customer = Customer.objects.create(name="Big & Co")
    for start in range(0, count, 5000):
        numbers = range(start, min(count, start + 5000))
        endpoints = [Endpoint(customer=customer, url=url(number), **fields) for number in numbers]
        secrets = [EndpointSecret(endpoint=endpoint) for endpoint in endpoints]
        for secret in secrets:
            secret.seal_secret(SECRET)
        Endpoint.objects.bulk_create(endpoints)
        EndpointSecret.objects.bulk_create(secrets)
        Lane.objects.bulk_create([Lane(endpoint=endpoint) for endpoint in endpoints])
    return customer.id


def fill(customers: Sequence[UUID], *, each: int) -> None:
    """Accept `each` events for every customer, in turn."""
    from deliveries.services.events import Accepted, EventDraft, accept_events

    order = [customer for _ in range(each) for customer in customers]
    for start in range(0, len(order), BATCH):
        drafts = [EventDraft(type="invoice.paid", data=DATA, customer_id=x) for x in order[start : start + BATCH]]
        refused = [result for result in accept_events(drafts) if not isinstance(result, Accepted)]
        assert not refused, refused[0]


def rest_lanes() -> None:
    """Keep every lane asleep, so that what is filled in stays due."""
    _execute("UPDATE hookpost_lane SET rest_until = 'infinity'")


def settle() -> None:
    """Do now what autovacuum and the checkpointer would do at some moment of the measurement."""
    _execute("VACUUM (ANALYZE)")
    _execute("CHECKPOINT")


def release_only(endpoint_ids: Sequence[UUID]) -> None:
    """Wake some lanes and ring for them; the others rest on."""
    from deliveries.actors import wake

    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_lane SET rest_until = NULL WHERE endpoint_id = ANY(%s)", [list(endpoint_ids)])
    wake((endpoint_id, False) for endpoint_id in endpoint_ids)


def release(endpoint_ids: Sequence[UUID]) -> None:
    """Wake all lanes and ring for them: the clock starts."""
    from deliveries.actors import wake

    _execute("UPDATE hookpost_lane SET rest_until = NULL WHERE rest_until IS NOT NULL")
    wake((endpoint_id, False) for endpoint_id in endpoint_ids)


def await_requests(stage: Stage, *, until: int) -> None:
    """Wait until nginx has counted so many requests."""
    wait_until(lambda: stage.nginx.count() >= until, f"{until} requests", pause=0.01)


def await_empty_queue() -> None:
    """Wait until nothing is due any more."""
    wait_until(lambda: not _value("SELECT EXISTS (SELECT FROM hookpost_due_delivery)"), "the queue to be empty")


def events() -> int:
    """Return how many events are stored."""
    return int(_value("SELECT count(*) FROM hookpost_event"))


def due() -> int:
    """Return how many deliveries wait for their attempt."""
    return int(_value("SELECT count(*) FROM hookpost_due_delivery"))


def finished() -> int:
    """Return how many deliveries have succeeded."""
    return int(_value("SELECT count(*) FROM hookpost_delivery WHERE state = 'succeeded'"))


def wipe() -> None:
    """Forget all customers, endpoints and the log."""
    _execute(
        "TRUNCATE hookpost_event, hookpost_delivery, hookpost_attempt, hookpost_due_delivery, hookpost_idempotency_key,"
        " hookpost_lane, hookpost_endpoint_secret, hookpost_endpoint, hookpost_customer CASCADE"
    )


def _execute(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def _value(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text)
        row = cursor.fetchone()
    assert row is not None
    return row[0]
