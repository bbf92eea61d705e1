"""The switch from another sender as docs/moving.md has it: each event is sent by one of the two."""

from __future__ import annotations

import pytest

from deliveries.models import Customer, Delivery, Endpoint
from tests.api.conftest import Caller
from tests.api.test_cancel_many import run
from tests.receivers.moving import svix_document

pytestmark = pytest.mark.django_db


def import_paused(ops: Caller, url: str) -> None:
    job = ops.post("/import", {"format": "svix", "paused": True, "data": svix_document(url, channels=["eu"])})
    assert job.status == 202
    assert run(job.json["id"])["state"] == "done"
    assert Endpoint.objects.get().state == "paused"


def emit(ops: Caller, number: int, *tags: str) -> str:
    body = {"customer": "acme", "type": "invoice.paid", "data": {"number": number}, "tags": list(tags)}
    return str(ops.post("/events", body).json["id"])


def states() -> dict[str, str]:
    return {each.event.public_id: each.state for each in Delivery.objects.select_related("event")}


@pytest.mark.parametrize("turn", ["all at once", "one service after the other"])
def test_at_the_switch_what_the_old_sender_had_is_cancelled_and_what_it_had_not_is_sent(
    ops: Caller, url: str, turn: str
) -> None:
    import_paused(ops, url)
    first, second = emit(ops, 1, "eu", "both"), emit(ops, 2, "eu", "both")
    ours = emit(ops, 3, "eu")
    late = emit(ops, 4, "eu", "both") if turn == "one service after the other" else ""
    assert set(states().values()) == {"held"}
    filters = {"customer": "acme", "tag": "both", "state": "held"}
    theirs = {first, second, late} - {""}
    assert ops.post("/deliveries/cancel", {**filters, "dry_run": True}).json == {"count": len(theirs)}
    job = ops.post("/deliveries/cancel", {**filters, "reason": "sent by the old sender"})
    assert run(job.json["id"])["done"] == len(theirs)
    endpoint = Endpoint.objects.get()
    customer = Customer.objects.get()
    assert ops.post(f"/customers/{customer.uid}/endpoints/{endpoint.uid}/resume", {}).status == 200
    ended = states()
    assert {event for event, state in ended.items() if state == "cancelled"} == theirs
    assert {event for event, state in ended.items() if state != "cancelled"} == {ours}
