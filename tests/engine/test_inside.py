"""deliveries.emit: the event lives and dies with the caller's transaction."""

from __future__ import annotations

import dramatiq
import pytest
from django.db import transaction

import deliveries
from deliveries.errors import InvalidInput
from deliveries.models import Customer, Delivery, Event
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
