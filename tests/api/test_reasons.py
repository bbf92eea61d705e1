"""Reasons that customers read, notes that only staff read, and whom customers see at work."""

from __future__ import annotations

import pytest

from deliveries.models import AuditEntry, Endpoint, Job
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery

pytestmark = pytest.mark.django_db

BOTH = {"reason": "too many errors", "note": "they do not pay"}


def test_a_note_is_kept_apart_from_the_reason(ops: Caller, alice: Tenant) -> None:
    path = f"/customers/alice/endpoints/{alice.endpoint.public_id}"
    assert ops.post(f"{path}/pause", BOTH).status == 200
    shown = alice.caller.get(path)
    assert shown.json["state_reason"] == "too many errors"
    assert b"do not pay" not in shown.raw
    entry = AuditEntry.objects.get(action="endpoint.pause")
    assert (entry.reason, entry.note, entry.actor) == ("too many errors", "they do not pay", "key:ops")


def test_a_customers_key_writes_no_note(alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="exhausted")
    path = f"/customers/alice/endpoints/{alice.endpoint.public_id}"
    for act in (f"{path}/pause", f"{path}/resume", f"/deliveries/{delivery.public_id}/redeliver"):
        answer = alice.caller.post(act, BOTH)
        assert (answer.status, answer.pointers()) == (422, ["/note"])
    assert Endpoint.objects.get(id=alice.endpoint.id).state == "enabled"


def test_customers_see_the_operator_at_work_and_their_own_keys_by_name(ops: Caller, alice: Tenant) -> None:
    own = Job.objects.create(kind="recover", customer=alice.customer, actor="customer_key:sync")
    theirs = Job.objects.create(kind="recover", customer=alice.customer, actor="key:internal-billing")
    assert alice.caller.get(f"/jobs/{own.public_id}").json["actor"] == "customer_key:sync"
    assert alice.caller.get(f"/jobs/{theirs.public_id}").json["actor"] == "the operator"
    assert ops.get(f"/jobs/{theirs.public_id}").json["actor"] == "key:internal-billing"


def test_the_trail_tells_customers_keys_from_the_operators(alice: Tenant) -> None:
    path = f"/customers/alice/endpoints/{alice.endpoint.public_id}"
    assert alice.caller.post(f"{path}/pause", {"reason": "maintenance"}).status == 200
    assert AuditEntry.objects.get(action="endpoint.pause").actor.startswith("customer_key:")
