"""POST /deliveries/{id}/signature-check: the steps of a signature, and what a receiver's request tells."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deliveries.models import Delivery, Event
from deliveries.protocol.signing.secrets import hint
from deliveries.protocol.signing.signatures import signature_headers
from deliveries.services.catalogue import version_table
from deliveries.services.catalogue.api_versions import create_version, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_attempt, log_delivery

pytestmark = pytest.mark.django_db


def sent_once(tenant: Tenant, *, mapped: bytes | None = None) -> Delivery:
    """A delivery with one signed attempt, of the stored body or of what was mapped."""
    delivery = log_delivery(tenant.endpoint)
    stored = bytes(delivery.event.body)
    if mapped is not None:
        body = stored.replace(b'"data":{}', b'"data":{"n": 1, "new": true}')
        Event.objects.filter(pk=delivery.event_id).update(body=body, api_version="v2")
        stored = stored.replace(b'"data":{}', b'"data":%b' % mapped)
    key, now = tenant.endpoint.secrets.get().open_key(), int(timezone.now().timestamp())
    made = signature_headers("standard", [key], message_id=delivery.event.public_id, timestamp=now, body=stored)
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


def test_what_was_mapped_to_the_endpoints_version_is_what_was_signed(alice: Tenant) -> None:
    version_table._forget()
    create_event_type({"name": "a.b"}, actor="system")
    for name in ("v1", "v2"):
        version = create_version({"name": name}, actor="system")
        if name == "v2":
            save_change(version, "a.b", {"down": "{n: n}"}, actor="system")
        release_version(version, actor="system")
    delivery = sent_once(alice, mapped=b'{"n":1}')
    path = f"/deliveries/{delivery.public_id}/signature-check"
    assert alice.caller.post(path, {}).json["is_right"] is True
    version_table._forget()
