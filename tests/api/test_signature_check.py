"""POST /deliveries/{id}/signature-check: the steps of a signature, and what a receiver's request tells."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deliveries.models import Delivery
from deliveries.protocol.secrets import hint
from deliveries.protocol.signatures import signature_headers
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_attempt, log_delivery

pytestmark = pytest.mark.django_db


def sent_once(tenant: Tenant) -> Delivery:
    """A delivery with one signed attempt."""
    delivery = log_delivery(tenant.endpoint)
    key, now = tenant.endpoint.secrets.get().open_key(), int(timezone.now().timestamp())
    made = signature_headers(
        "standard", [key], message_id=delivery.event.public_id, timestamp=now, body=bytes(delivery.event.body)
    )
    log_attempt(
        delivery,
        request_url="https://a.example/in",
        request_headers="\n".join(f"{name}: {value}" for name, value in made),
        signed_with=hint(key),
        started_at=timezone.now(),
    )
    return delivery


def test_the_steps_are_answered_and_what_the_receiver_had_is_judged(alice: Tenant) -> None:
    delivery = sent_once(alice)
    shown = alice.caller.post(f"/deliveries/{delivery.public_id}/signature-check", {"body": "", "secret_end": "zzzz"})
    assert shown.status == 200
    assert shown.json["is_right"] is True
    assert shown.json["sent"] == shown.json["expected"]
    assert shown.json["signed_content"].startswith(f"{delivery.event.public_id}.{shown.json['timestamp']}.")
    assert [each["code"] for each in shown.json["findings"]] == ["empty_body", "wrong_secret"]


def test_another_customers_delivery_is_not_found(alice: Tenant, bob: Tenant) -> None:
    delivery = sent_once(bob)
    assert alice.caller.post(f"/deliveries/{delivery.public_id}/signature-check", {}).status == 404


def test_what_was_never_sent_is_a_409(alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    assert alice.caller.post(f"/deliveries/{delivery.public_id}/signature-check", {}).status == 409


def test_a_key_that_may_read_may_check(ops: Caller, alice: Tenant) -> None:
    delivery = sent_once(alice)
    assert ops.post(f"/deliveries/{delivery.public_id}/signature-check", {}).json["findings"] == []
