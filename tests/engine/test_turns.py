"""A turn over real lanes, a real database and a real receiver."""

from __future__ import annotations

import orjson
import pytest
from standardwebhooks import Webhook

from deliveries.models import Attempt, Customer, Delivery, DueDelivery, Lane
from deliveries.services.endpoints import create_endpoint
from deliveries.services.events import EventDraft, accept_event
from deliveries.services.turns import Turn
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def take_turn(lanes: tuple[tuple[object, bool], ...]) -> list[object]:
    woken: list[object] = []
    turn = Turn([endpoint_id for endpoint_id, _ in lanes], slow=False, wake=woken.extend)
    assert turn.run(seconds=5)
    return woken


def test_an_accepted_event_arrives_signed_and_is_logged(receiver: Receiver) -> None:
    customer = Customer.objects.create(name="Alice & Co")
    endpoint, secret = create_endpoint(customer, {"url": receiver.url}, actor="user:alice")
    accepted = accept_event(EventDraft(type="invoice.paid", data=b'{"amount": 1e2}', customer_id=customer.id))
    assert accepted.deliveries == 1
    take_turn(accepted.wake)
    (request,) = receiver.requests
    Webhook(secret).verify(request.body, dict(request.headers))
    assert request.body.endswith(b'"data":{"amount": 1e2}}')
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status_code) == ("succeeded", 1, 204)
    assert Attempt.objects.get().delivery_id == delivery.id
    assert not DueDelivery.objects.exists()
    assert Lane.objects.get().lease_until is None
    assert orjson.loads(request.body)["type"] == "invoice.paid"
    assert endpoint.state == "enabled"
