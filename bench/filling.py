"""Customers, endpoints and due deliveries, made as in production and kept waiting until the clock starts.

What lives here: bulk set-up. The first event of each customer comes from the real accept statement, the others are
copies of what it wrote: accepting each was a large part of the time that a measuring took. Lanes rest meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Model

from bench.stage import Stage, wait_until

if TYPE_CHECKING:
    from deliveries.services.accepting.events import Accepted

BATCH = 1000
A_MILLISECOND = 10  # so many events come in one
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
# Ids are time: each row gets the milliseconds of its moment, the rest is chance.
ID = "(lpad(to_hex({ms}::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || 'a'"
ID += " || substr(md5(random()::text), 1, 15))::uuid"

COPIES = """
WITH made AS MATERIALIZED (
    SELECT {id} AS event_id, event.id AS copied
    FROM generate_series(1, %(copies)s) n CROSS JOIN unnest(%(events)s::uuid[]) WITH ORDINALITY AS event (id, place)
), new_event AS (
    INSERT INTO hookpost_event (id, {event_names})
    SELECT i.event_id, {event_columns} FROM made i JOIN hookpost_event copied ON copied.id = i.copied
), new_delivery AS (
    INSERT INTO hookpost_delivery (id, event_id, endpoint_id, {delivery_names})
    SELECT {delivery_id}, i.event_id, e.id, {delivery_columns}
    FROM made i JOIN hookpost_delivery copied ON copied.event_id = i.copied
    JOIN hookpost_endpoint e ON e.id = copied.endpoint_id
)
INSERT INTO hookpost_due_delivery (delivery_id, event_id, endpoint_id, {due_names})
SELECT {delivery_id}, i.event_id, e.id, {due_columns}
FROM made i JOIN hookpost_due_delivery copied ON copied.event_id = i.copied
JOIN hookpost_endpoint e ON e.id = copied.endpoint_id
"""

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
    """Accept an event for every customer, and copy it with its deliveries until each has so many, in turn.

    What is fanned out afterwards, for it has very many endpoints, is accepted each time.
    """
    results = dict(zip(customers, accept(customers), strict=True))
    copy([result.event_id for result in results.values() if not result.pending], copies=each - 1)
    accept([customer for customer, result in results.items() if result.pending] * (each - 1))


def accept(customers: Sequence[UUID]) -> list[Accepted]:
    """Accept an event for each of these customers."""
    from deliveries.services.accepting.events import Accepted, EventDraft, accept_events

    accepted: list[Accepted] = []
    for start in range(0, len(customers), BATCH):
        some = customers[start : start + BATCH]
        results = accept_events([EventDraft(type="invoice.paid", data=DATA, customer_id=each) for each in some])
        accepted += [result for result in results if isinstance(result, Accepted)]
        assert len(accepted) == start + len(some), results
    return accepted


def copy(events: Sequence[UUID], *, copies: int) -> None:
    """Make so many more of each event, a few in each of the last milliseconds, due as it is itself."""
    from deliveries import sql
    from deliveries.models import Delivery, DueDelivery, Event

    if not events or not copies:
        return
    columns = {"event": Event, "delivery": Delivery, "due": DueDelivery}
    keys = {"id", "event_id", "endpoint_id", "delivery_id"}
    count = f"((n - 1) * {len(events)} + place - %(copies)s * {len(events)}) / {A_MILLISECOND}"
    text = COPIES.format(
        id=ID.format(ms=f"floor(extract(epoch FROM now()) * 1000 + {count})"),
        delivery_id=sql.statement("parts/delivery_id").replace("%", "%%"),
        **{f"{name}_names": ", ".join(_columns(model, without=keys)) for name, model in columns.items()},
        **{
            f"{name}_columns": ", ".join(f"copied.{column}" for column in _columns(model, without=keys))
            for name, model in columns.items()
        },
    )
    with connection.cursor() as cursor:
        cursor.execute(text, {"events": list(events), "copies": copies})


def rest_lanes() -> None:
    """Keep every lane asleep, so that what is filled in stays due."""
    _execute("UPDATE hookpost_lane SET rest_until = 'infinity'")


def settle() -> None:
    """Do now what autovacuum and the checkpointer would do at some moment of the measurement."""
    _execute("VACUUM (ANALYZE)")
    _execute("CHECKPOINT")


@contextmanager
def without_autovacuum() -> Iterator[None]:
    """Inside, nobody tells PostgreSQL of its tables but `settle`."""
    _execute("ALTER SYSTEM SET autovacuum = off")
    _execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        _execute("ALTER SYSTEM RESET autovacuum")
        _execute("SELECT pg_reload_conf()")


def forget_statistics() -> None:
    """Let PostgreSQL know as little of its tables as after a restore."""
    _execute("DELETE FROM pg_statistic USING pg_class c WHERE starelid = c.oid AND c.relname LIKE 'hookpost_%'")
    _execute("SELECT pg_clear_relation_stats('public', relname) FROM pg_class c WHERE c.relname LIKE 'hookpost_%'")


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


def _columns(model: type[Model], *, without: Collection[str]) -> list[str]:
    names = [field.column for field in model._meta.concrete_fields]
    return [name for name in names if name not in without]


def _execute(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def _value(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text)
        row = cursor.fetchone()
    assert row is not None
    return row[0]
