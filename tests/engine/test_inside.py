"""deliveries.emit: the event lives and dies with the caller's transaction."""

from __future__ import annotations

import dramatiq
import pytest
from django.db import transaction

import deliveries
from deliveries.errors import InvalidInput, KeyReused
from deliveries.models import Customer, Delivery, Event, EventType
from deliveries.protocol.ids import decode_id
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
    assert Event.objects.count() == 1


def test_an_event_from_inside_is_gone_when_the_callers_transaction_is(
    receiver: Receiver, broker: dramatiq.Broker
) -> None:
    endpoint = an_endpoint(receiver.url)
    with transaction.atomic():
        deliveries.emit(endpoint.customer_id, "invoice.paid", {})
        transaction.set_rollback(True)
    assert not Event.objects.exists()


def test_what_is_not_json_is_refused_before_anything_is_stored(receiver: Receiver) -> None:
    with pytest.raises(InvalidInput, match="not JSON"):
        deliveries.emit("nobody", "invoice.paid", {"when": object()})
