"""An event for every customer, and what the API tells of fan-outs that go on after the answer."""

from __future__ import annotations

from typing import Any

import pytest

import deliveries
from deliveries.api.event_lists import merged
from deliveries.api.paging import Cursor, Place, Slice
from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, Event, FanOut, Lane
from deliveries.models.base import new_id
from deliveries.services.accepting import event_store, fan_out
from deliveries.services.accepting.fan_out import continue_fan_outs
from tests.api.conftest import Caller, Tenant, make_tenant

BROADCAST: dict[str, Any] = {"customer": "*", "type": "notice.made", "data": {"text": "Tonight"}}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fan-outs go on when the test says so."""
    monkeypatch.setattr("deliveries.api.emit.begin_fan_outs", lambda wake, **posted: None)
    monkeypatch.setattr("deliveries.api.python_api.begin_fan_outs", lambda wake, **posted: None)


def fan_out_all() -> list[Any]:
    lanes: list[Any] = []
    continue_fan_outs(lanes.extend)
    return lanes


def ids_of(caller: Caller, path: str) -> list[str]:
    return [row["id"] for row in caller.get(path).json["results"]]


def test_one_event_goes_to_every_customer(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    answer = ops.post("/events", BROADCAST)
    assert (answer.status, answer.json["deliveries"]) == (202, None)
    id_ = answer.json["id"]
    assert (ops.get(f"/events/{id_}").json["deliveries"], ops.get(f"/events/{id_}").json["fan_out"]) == (0, "pending")
    assert {endpoint_id for endpoint_id, _ in fan_out_all()} == {alice.endpoint.id, bob.endpoint.id}
    told = ops.get(f"/events/{id_}").json
    assert (told["customer"], told["deliveries"], told["fan_out"]) == ("*", 2, "done")
    assert Event.objects.count() == 1
    assert set(Delivery.objects.values_list("customer", "endpoint")) == {
        (alice.customer.id, alice.endpoint.id),
        (bob.customer.id, bob.endpoint.id),
    }


def test_each_customer_sees_it_and_its_own_deliveries_only(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    id_ = ops.post("/events", BROADCAST).json["id"]
    fan_out_all()
    for tenant in (alice, bob):
        told = tenant.caller.get(f"/events/{id_}").json
        assert (told["deliveries"], told["fan_out"], told["body"]["data"]) == (1, "done", {"text": "Tonight"})
        assert ids_of(tenant.caller, "/events") == [id_]
        assert ids_of(tenant.caller, f"/customers/{tenant.customer.uid}/events") == [id_]
        assert ids_of(ops, f"/events?customer={tenant.customer.uid}") == [id_]
        assert len(tenant.caller.get("/deliveries").json["results"]) == 1
    assert ids_of(ops, "/events?customer=*") == ids_of(ops, "/events") == [id_]


def test_a_customer_that_came_later_does_not_see_it(ops: Caller, alice: Tenant, url: str) -> None:
    id_ = ops.post("/events", BROADCAST).json["id"]
    carol = make_tenant("carol", url)
    assert carol.caller.get(f"/events/{id_}").status == 404
    assert ids_of(carol.caller, "/customers/carol/events") == []


def test_customers_cannot_emit_for_everyone(alice: Tenant, bob: Tenant) -> None:
    assert alice.caller.post("/events", BROADCAST).status == 403
    batch = alice.caller.post("/events/batch", {"events": [BROADCAST, BROADCAST | {"customer": "alice"}]}).json
    assert batch["results"][0]["error"]["status"] == 403
    assert batch["results"][1]["deliveries"] == 1
    assert not FanOut.objects.exists()


def test_a_batch_and_a_project_emit_for_everyone_too(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    batch = ops.post("/events/batch", {"events": [BROADCAST, BROADCAST | {"customer": "alice"}]}).json["results"]
    assert [each["deliveries"] for each in batch] == [None, 1]
    assert deliveries.emit("*", "notice.made", {"n": 1}).deliveries is None
    fan_out_all()
    assert Delivery.objects.count() == 5


def test_a_broadcast_that_comes_again_with_its_key_is_one(ops: Caller, alice: Tenant) -> None:
    first = ops.post("/events", BROADCAST, Idempotency_Key="k")
    assert ops.post("/events", BROADCAST, Idempotency_Key="k").json == first.json
    assert FanOut.objects.count() == 1


def test_event_types_filters_and_states_hold_for_a_broadcast(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    Endpoint.objects.filter(pk=alice.endpoint.pk).update(event_types=["invoice.*"])
    Endpoint.objects.filter(pk=bob.endpoint.pk).update(filter='$.data.text starts with "To"', state="paused")
    ops.post("/events", BROADCAST)
    assert fan_out_all() == []
    assert [row.state for row in Delivery.objects.all()] == ["held"]


def test_a_broadcast_goes_through_many_endpoints_in_chunks(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "CHUNK", 7)
    customers = [Customer.objects.create(name=f"c{number}") for number in range(5)]
    made = Endpoint.objects.bulk_create(
        Endpoint(customer=customers[number % 5], url="https://example.com/") for number in range(30)
    )
    Lane.objects.bulk_create(Lane(endpoint=each) for each in made)
    ops.post("/events", BROADCAST)
    assert len(fan_out_all()) == Delivery.objects.count() == DueDelivery.objects.count() == 31


def test_a_broadcast_is_replayed_to_an_endpoint_that_came_later(ops: Caller, alice: Tenant, url: str) -> None:
    ops.post("/events", BROADCAST)
    fan_out_all()
    ops.post("/customers/alice/endpoints", {"url": url, "uid": "second"})
    answer = ops.post("/customers/alice/endpoints/second/replay", {"since": "2020-01-01T00:00:00Z", "dry_run": True})
    assert answer.json["count"] == 1


def test_an_event_for_many_endpoints_says_that_it_is_pending(ops: Caller, alice: Tenant) -> None:
    made = Endpoint.objects.bulk_create(
        Endpoint(customer=alice.customer, url="https://example.com/") for _ in range(event_store.SHARED.endpoint_limit)
    )
    Lane.objects.bulk_create(Lane(endpoint=each) for each in made)
    answer = ops.post("/events", {"customer": "alice", "type": "a", "data": {}})
    assert (answer.status, answer.json["deliveries"]) == (202, None)
    fan_out_all()
    told = ops.get(f"/events/{answer.json['id']}").json
    assert (told["deliveries"], told["fan_out"]) == (event_store.SHARED.endpoint_limit + 1, "done")


def test_what_a_filter_could_not_judge_is_not_counted_and_told(ops: Caller, alice: Tenant) -> None:
    Endpoint.objects.filter(pk=alice.endpoint.pk).update(filter="$.data.n > 1")
    answer = ops.post("/events", raw=b'{"customer":"alice","type":"a","data":{"n":1e-200000}}')
    assert answer.status == 202
    fan_out_all()
    assert ops.get(f"/events/{answer.json['id']}").json["deliveries"] == 0
    (row,) = alice.caller.get("/deliveries?error=filter_failed").json["results"]
    assert (row["state"], row["error"]) == ("cancelled", "filter_failed")


def rows(*places: int) -> list[Event]:
    return [Event(id=IDS[place]) for place in places]


IDS = [new_id() for _ in range(10)]


def test_two_sources_are_one_list_as_far_as_both_are_read() -> None:
    place = Place(3, None)
    page = merged([Slice(rows(9, 7, 5), IDS[5]), Slice(rows(8, 2), None)], place)
    assert ([row.id for row in page.rows], page.edge) == ([IDS[9], IDS[8], IDS[7]], IDS[7])
    page = merged([Slice(rows(9), IDS[6]), Slice(rows(8, 2), None)], place)
    assert ([row.id for row in page.rows], page.edge) == ([IDS[9], IDS[8]], IDS[6])
    page = merged([Slice(rows(1, 2), None), Slice(rows(3), None)], Place(3, None), ascending=True)
    assert ([row.id for row in page.rows], page.edge) == ([IDS[1], IDS[2], IDS[3]], None)
    back = merged([Slice(rows(5, 3), None), Slice(rows(4, 2), None)], Place(3, Cursor("p", IDS[1])))
    assert ([row.id for row in back.rows], back.edge) == ([IDS[4], IDS[3], IDS[2]], IDS[4])
