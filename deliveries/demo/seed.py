"""A month of an ordinary installation: customers, endpoints of all kinds, and what they made of it.

What lives here: whom it is about, and how often each endpoint fails. Nothing of it is ever sent: names end in
`.example`, and what is stored is over. The same number gives the same month. It must not know how rows are written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from deliveries.demo.seed_log import HOURS, SCHEDULE, Kind, Log
from deliveries.models import Alert, Customer, Endpoint, EventType
from deliveries.protocol.answers.outcome import GONE
from deliveries.protocol.writing.ids import ENDPOINT, decode_id
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.common import clock
from deliveries.services.common.audit import SYSTEM
from deliveries.services.customers import create_customer
from deliveries.services.endpoints import disable_endpoint, pause_endpoint

TYPES = {
    "invoice.paid": "An invoice was paid in full.",
    "invoice.overdue": "An invoice is a day past its date.",
    "order.created": "Somebody ordered.",
    "order.shipped": "A parcel is on its way.",
    "customer.updated": "Name, address or contact of a customer changed.",
    "subscription.cancelled": "A subscription ends with its period.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """One customer with its endpoints."""

    name: str
    uid: str
    endpoints: tuple[Kind, ...] = field(default=())


FIRMS = (
    Firm(
        name="Northwind Traders",
        uid="northwind",
        endpoints=(
            Kind(path="orders", types=("order.created", "order.shipped"), an_hour=42),
            Kind(path="crm", types=("customer.updated",), an_hour=9, error="deadline_exceeded", share=0.06, hours=30),
        ),
    ),
    Firm(
        name="Acme Ltd",
        uid="acme",
        endpoints=(
            Kind(
                path="billing",
                types=("invoice.paid", "invoice.overdue"),
                an_hour=14,
                error="http_4xx",
                status=401,
                share=1.0,
                hours=9,
                answer='{"error": "invalid signature"}',
            ),
            Kind(path="warehouse", types=("order.created",), an_hour=21, error="http_5xx", status=503, share=0.02),
        ),
    ),
    Firm(
        name="Globex GmbH",
        uid="globex",
        endpoints=(
            Kind(
                path="hooks",
                types=("order.created", "invoice.paid"),
                an_hour=17,
                error="connect_refused",
                share=1.0,
                hours=2,
            ),
            Kind(path="archive", types=("invoice.paid",), an_hour=4, state=Endpoint.State.PAUSED, stopped=6),
        ),
    ),
    Firm(
        name="Initech",
        uid="initech",
        endpoints=(
            Kind(path="subscriptions", types=("subscription.cancelled",), an_hour=3),
            Kind(
                path="old",
                types=("order.created",),
                an_hour=5,
                error="gone",
                status=410,
                hours=12,
                state=Endpoint.State.DISABLED,
                stopped=12,
            ),
        ),
    ),
)


def fill(register: Callable[[str, list[str]], str], *, number: int = 7) -> int:
    """Fill an installation that has none of these customers yet; returns how many deliveries it has then of them.

    `register` registers an endpoint of a customer's uid and event types, with any URL, and returns its id.
    """
    if Customer.objects.filter(uid=FIRMS[0].uid).exists():
        return 0
    log = Log(dice=Random(number), now=clock.database_now())  # noqa: S311  # figures, no secrets
    for name, words in TYPES.items():
        if not EventType.objects.filter(name=name, customer=None).exists():
            create_event_type({"name": name, "description": words}, actor=SYSTEM)
    for firm in FIRMS:
        if not Customer.objects.filter(uid=firm.uid).exists():
            create_customer({"name": firm.name, "uid": firm.uid}, actor=SYSTEM)
        for kind in firm.endpoints:
            log.tell(_endpoint(register(firm.uid, list(kind.types)), firm, kind, now=log.now), kind)
    return log.write()


def _endpoint(endpoint_id: str, firm: Firm, kind: Kind, *, now: datetime) -> Endpoint:
    endpoint = Endpoint.objects.get(pk=decode_id(ENDPOINT, endpoint_id))
    endpoint.url = f"https://hooks.{firm.uid}.example/{kind.path}"
    endpoint.retry_schedule = SCHEDULE if kind.gives_up else None
    endpoint.save(update_fields=["url", "retry_schedule"])
    if kind.state == Endpoint.State.PAUSED:
        pause_endpoint(endpoint, actor=SYSTEM, reason="They move to another data centre this week.")
    if kind.state == Endpoint.State.DISABLED:
        disable_endpoint(endpoint, actor=SYSTEM, reason=GONE)
    _date_back(endpoint, kind, now)
    return endpoint


def _date_back(endpoint: Endpoint, kind: Kind, now: datetime) -> None:
    """Let it be as old as its log, and stopped since its log says so."""
    began, stopped = now - timedelta(hours=HOURS + 1), now - timedelta(hours=kind.stopped)
    changed = stopped if kind.stopped else began
    Customer.objects.filter(pk=endpoint.customer_id).update(created_at=began)
    Endpoint.objects.filter(pk=endpoint.pk).update(created_at=began, state_changed_at=changed)
    Alert.objects.filter(endpoint=endpoint).update(created_at=changed, since=changed)
