"""Events that are sent later: when, what is refused, and how they are taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import deliveries
from deliveries.models import AuditEntry, Customer, Delivery, DueDelivery, Endpoint, FanOut
from deliveries.services.accepting import event_store, fan_out
from deliveries.services.accepting.events import accept_event
from deliveries.services.endpoints import create_endpoint, pause_endpoint
from tests.api.conftest import Caller, Tenant, make_tenant
from tests.engine.steps import an_endpoint, due_seconds, let_time_pass, take_turn, the_delivery
from tests.receiver import Receiver

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db(transaction=True)


def moment(after: timedelta) -> str:
    return (datetime.now(UTC) + after).isoformat()


def event(tenant: Tenant, after: timedelta = HOUR, **more: Any) -> dict[str, Any]:
    return {
        "customer": tenant.customer.uid, "type": "invoice.due", "data": {"n": 1}, "deliver_at": moment(after), **more
    }  # fmt: skip


def test_an_event_for_later_waits_until_its_time_has_come(ops: Caller, receiver: Receiver) -> None:
    tenant = make_tenant("carol", receiver.url)
    answer = ops.post("/events", event(tenant))
    assert (answer.status, answer.json["deliveries"]) == (202, 1)
    delivery = the_delivery(tenant.endpoint)
    assert 3500 < due_seconds(delivery) <= 3600
    take_turn(tenant.endpoint)
    assert not receiver.requests
    told = ops.get(f"/deliveries/{delivery.public_id}").json
    assert told["waiting_for"]["reason"] == "schedule"
    assert told["next_attempt_at"] == ops.get(f"/events/{answer.json['id']}").json["deliver_at"]
    let_time_pass(tenant.endpoint)
    take_turn(tenant.endpoint)
    assert len(receiver.requests) == 1
    assert the_delivery(tenant.endpoint).state == "succeeded"


def test_nobody_is_woken_for_later(ops: Caller, alice: Tenant) -> None:
    draft = event_store.EventDraft(
        type="invoice.due", data=b"{}", customer_id=alice.customer.id, deliver_at=datetime.now(UTC) + HOUR
    )
    assert accept_event(draft).wake == ()


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (-timedelta(hours=1), "deliver_at has passed"),
        (timedelta(days=31), "deliver_at is at most 28 days ahead"),
        (timedelta(days=28, minutes=1), "deliver_at is at most 28 days ahead"),
    ],
)
def test_what_has_passed_or_is_too_far_is_refused(ops: Caller, alice: Tenant, after: timedelta, sentence: str) -> None:
    answer = ops.post("/events", event(alice, after))
    assert answer.status == 422
    assert answer.json["errors"] == [{"pointer": "/deliver_at", "detail": sentence}]
    batch = ops.post("/events/batch", {"events": [event(alice), event(alice, after)]}).json["results"]
    assert batch[0]["deliveries"] == 1
    assert batch[1]["error"]["errors"] == [{"pointer": "/deliver_at", "detail": sentence}]
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("text", ["tomorrow", "2026-01-01", "", "2026-13-01T00:00:00Z", 5])
def test_what_is_no_moment_is_refused(ops: Caller, alice: Tenant, text: object) -> None:
    answer = ops.post("/events", event(alice, deliver_at=text))
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"] == "/deliver_at"


def test_a_caller_whose_clock_is_a_little_behind_is_served_at_once(ops: Caller, alice: Tenant) -> None:
    id_ = ops.post("/events", event(alice, -timedelta(seconds=20))).json["id"]
    assert ops.get(f"/events/{id_}").json["deliver_at"] is None
    assert due_seconds(the_delivery(alice.endpoint)) <= 0


def test_a_paused_endpoint_does_not_get_it_before_its_time(ops: Caller, alice: Tenant) -> None:
    pause_endpoint(alice.endpoint, actor="user:alice")
    ops.post("/events", event(alice))
    delivery = the_delivery(alice.endpoint)
    assert delivery.state == "pending"
    assert due_seconds(delivery) > 3500


def test_a_large_fan_out_keeps_the_time(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.api.emit.begin_fan_outs", lambda wake, **posted: None)
    woken: list[Any] = []
    ops.post("/events", event(alice, customer="*"))
    fan_out.continue_fan_outs(woken.extend)
    assert woken == []
    assert due_seconds(the_delivery(alice.endpoint)) > 3500


def test_the_function_takes_it_too(alice: Tenant) -> None:
    deliveries.emit(alice.customer, "invoice.due", {"n": 1}, deliver_at=datetime.now(UTC) + HOUR)
    assert due_seconds(the_delivery(alice.endpoint)) > 3500


# --- taking it back


def test_a_cancelled_event_is_not_sent(ops: Caller, receiver: Receiver) -> None:
    tenant = make_tenant("carol", receiver.url)
    create_endpoint(tenant.customer, {"url": receiver.url}, actor="user:carol")
    id_ = ops.post("/events", event(tenant)).json["id"]
    other = ops.post("/events", event(tenant)).json["id"]
    assert ops.post(f"/events/{id_}/cancel", {"reason": "paid meanwhile"}).json == {"id": id_, "cancelled": 2}
    assert set(Delivery.objects.values_list("state")) == {("cancelled",), ("pending",)}
    assert DueDelivery.objects.count() == 2
    assert ops.post(f"/events/{id_}/cancel").json["cancelled"] == 0
    let_time_pass(tenant.endpoint)
    take_turn(tenant.endpoint)
    assert [dict(request.headers)["webhook-id"] for request in receiver.requests] == [other]
    entry = AuditEntry.objects.get(action="event.cancel", object_id=id_, detail__cancelled=2)
    assert (entry.reason, entry.customer) == ("paid meanwhile", tenant.customer)


def test_what_was_tried_goes_on_by_its_schedule(ops: Caller, receiver: Receiver) -> None:
    receiver.answer = lambda request: (500, {}, b"")
    endpoint = an_endpoint(receiver.url)
    id_ = ops.post("/events", {"customer": endpoint.customer.public_id, "type": "invoice.due", "data": {}}).json["id"]
    take_turn(endpoint)
    assert ops.post(f"/events/{id_}/cancel").json["cancelled"] == 0
    assert the_delivery(endpoint).state == "pending"


def test_a_fan_out_that_goes_on_ends(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.api.emit.begin_fan_outs", lambda wake, **posted: None)
    id_ = ops.post("/events", event(alice, customer="*")).json["id"]
    assert ops.post(f"/events/{id_}/cancel").json["cancelled"] == 0
    assert not FanOut.objects.exists()
    fan_out.continue_fan_outs(lambda lanes: None)
    assert not Delivery.objects.exists()


def test_customers_cancel_their_own_only(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    own = ops.post("/events", event(alice)).json["id"]
    everyones = ops.post("/events", event(alice, customer="*")).json["id"]
    assert bob.caller.post(f"/events/{own}/cancel").status == 404
    assert alice.caller.post(f"/events/{everyones}/cancel").status == 403
    assert alice.caller.post(f"/events/{own}/cancel").json["cancelled"] == 1
    assert Customer.objects.count() == Endpoint.objects.count() == 2
