"""deliveries.emit: the event lives and dies with the caller's transaction."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import dramatiq
import pytest
from django.db import transaction
from django.utils.timezone import now

import deliveries
from deliveries.errors import InvalidInput, KeyReused, NotFound
from deliveries.models import Customer, Delivery, Event, EventType
from deliveries.protocol.writing.ids import decode_id
from deliveries.services.catalogue.schemas import Violation
from tests.engine.steps import an_endpoint
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_from_inside_is_stored_when_the_callers_transaction_commits(
    receiver: Receiver, broker: dramatiq.Broker
) -> None:
    endpoint = an_endpoint(receiver.url)
    with transaction.atomic():
        event_id = deliveries.emit(endpoint.customer, "invoice.paid", {"amount": 3})
        Customer.objects.create(name="in the same transaction")
    assert decode_id("evt", event_id) == Event.objects.get().id
    assert Delivery.objects.get().endpoint_id == endpoint.id


def test_an_emitted_id_tells_how_far_it_goes_and_what_it_breaks(receiver: Receiver, broker: dramatiq.Broker) -> None:
    endpoint = an_endpoint(receiver.url)
    schema = {"type": "object", "properties": {"grams": {"type": "integer"}}}
    EventType.objects.create(name="parcel.weighed", schema=schema, validation="warn")
    event_id = deliveries.emit(endpoint.customer.public_id, "parcel.weighed", {"grams": "much"})
    assert (event_id, event_id.deliveries) == (Event.objects.get().public_id, 1)
    assert [each.pointer for each in event_id.warnings] == ["/grams"]
    assert deliveries.emit(endpoint.customer, "parcel.weighed", {"grams": 3}).warnings == ()


def test_the_same_key_from_inside_is_one_event_and_another_event_is_refused(
    receiver: Receiver, broker: dramatiq.Broker
) -> None:
    endpoint = an_endpoint(receiver.url)
    first, again = (
        deliveries.emit(endpoint.customer, "invoice.paid", {}, idempotency_key="order-17") for _ in range(2)
    )
    assert (first, first.deliveries) == (again, again.deliveries)
    with pytest.raises(KeyReused):
        deliveries.emit(endpoint.customer, "invoice.sent", {}, idempotency_key="order-17")
    for other in ({"tags": ["eu"]}, {"timestamp": now()}, {"deliver_at": now() + timedelta(hours=1)}):
        with pytest.raises(KeyReused):
            deliveries.emit(endpoint.customer, "invoice.paid", {}, idempotency_key="order-17", **other)  # type: ignore[arg-type]
    assert Event.objects.count() == 1


def test_an_event_from_inside_is_gone_when_the_callers_transaction_is(
    receiver: Receiver, broker: dramatiq.Broker
) -> None:
    endpoint = an_endpoint(receiver.url)
    with transaction.atomic():
        deliveries.emit(endpoint.customer_id, "invoice.paid", {})
        transaction.set_rollback(True)
    assert not Event.objects.exists()


NAN, ENDLESS = float("nan"), float("inf")
CIRCLE: dict[str, Any] = {}
CIRCLE["itself"] = CIRCLE


@pytest.mark.parametrize(
    "data",
    [
        *([1], "text", None, 3, True),
        *({"n": NAN}, {"n": [{"deep": -ENDLESS}]}, {"when": object()}, {1: "a number as a name"}),
        *({"text": "\x00"}, {"text": "\ud83d"}, {"n": 2**70}, {"set": {1}}, {"bytes": b"x"}, CIRCLE),
        {"row": Violation(pointer="", detail="")},
        json.loads('{"a":' * 300 + "{}" + "}" * 300),
    ],
    ids=lambda data: ascii(data)[:40].partition(" at 0x")[0],
)
def test_what_cannot_be_posted_cannot_be_emitted(receiver: Receiver, data: Any) -> None:
    endpoint = an_endpoint(receiver.url)
    with pytest.raises(InvalidInput) as raised:
        deliveries.emit(endpoint.customer, "invoice.paid", data)
    assert raised.value.field == "data"
    assert not Event.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256, "two\nlines", "nul\x00", 17])
def test_a_key_that_rest_refuses_is_refused(receiver: Receiver, key: Any) -> None:
    endpoint = an_endpoint(receiver.url)
    with pytest.raises(InvalidInput, match="Idempotency-Key"):
        deliveries.emit(endpoint.customer, "invoice.paid", {}, idempotency_key=key)


@pytest.mark.parametrize(("customer", "error"), [("a\x00b", NotFound), ("nobody", NotFound), (17, InvalidInput)])
def test_a_customer_that_cannot_be_is_refused(customer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        deliveries.emit(customer, "invoice.paid", {})


def test_moments_and_uuids_are_written_as_texts(receiver: Receiver, broker: dramatiq.Broker) -> None:
    endpoint = an_endpoint(receiver.url)
    deliveries.emit(endpoint.customer, "invoice.paid", {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=1)})
    data = json.loads(bytes(Event.objects.get().body))["data"]
    assert data == {"at": "2026-01-02T00:00:00+00:00", "id": "00000000-0000-0000-0000-000000000001"}


@pytest.mark.parametrize(
    ("event_type", "moment", "field"),
    [
        (None, None, "type"),
        (5, None, "type"),
        (b"invoice.paid", None, "type"),
        ("", None, "type"),
        ("Hookpost.test", None, "type"),
        ("invoice.paid", "2026-01-01T00:00:00Z", "timestamp"),
        ("invoice.paid", 1_767_225_600, "timestamp"),
        ("invoice.paid", date(2026, 1, 1), "timestamp"),
        ("invoice.paid", datetime(2026, 1, 1), "timestamp"),  # noqa: DTZ001
    ],
)
def test_an_event_from_inside_names_the_argument_that_is_wrong(event_type: Any, moment: Any, field: str) -> None:
    customer = Customer.objects.create(name="Alice & Co")
    with pytest.raises(InvalidInput) as refused:
        deliveries.emit(customer, event_type, {}, timestamp=moment)
    assert refused.value.field == field
    assert not Event.objects.exists()
