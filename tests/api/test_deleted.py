"""What is left of deleted customers and endpoints: nothing to call, and a log to read."""

from __future__ import annotations

from deliveries.models import DueDelivery, Job
from deliveries.services.job_steps import run_job_step
from deliveries.services.resending.jobs import tend_jobs
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_attempt, log_delivery


def test_a_deleted_customer_is_404_and_its_log_is_the_operators(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="exhausted")
    log_attempt(delivery)
    log_delivery(bob.endpoint)
    assert ops.delete("/customers/alice").status == 204
    for path in ("", "/endpoints", "/endpoints/main", "/events", "/event-types"):
        assert ops.get(f"/customers/alice{path}").status == 404
        assert ops.get(f"/customers/{alice.customer.public_id}{path}").status == 404
    for query in (
        f"customer={alice.customer.public_id}",
        f"endpoint={alice.endpoint.public_id}",
        f"customer={alice.customer.public_id}&endpoint={alice.endpoint.public_id}&state=exhausted",
        f"event={delivery.event.public_id}",
        "state=exhausted",
    ):
        listed = ops.get(f"/deliveries?{query}").json["results"]
        assert [row["id"] for row in listed] == [delivery.public_id], query
    shown = ops.get(f"/deliveries/{delivery.public_id}").json
    assert (shown["customer"], shown["endpoint"]) == (alice.customer.public_id, alice.endpoint.public_id)
    assert len(ops.get(f"/deliveries/{delivery.public_id}/attempts").json["results"]) == 1
    assert ops.get(f"/events/{shown['event']}").json["customer"] == alice.customer.public_id
    assert [row["id"] for row in ops.get(f"/events?customer={alice.customer.public_id}").json["results"]] == [
        shown["event"]
    ]
    assert ops.get("/deliveries?customer=alice").pointers() == ["/customer"]  # the uid is free for another now


def test_a_deleted_customers_key_is_dead(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    ops.delete("/customers/alice")
    for path in ("/deliveries", f"/deliveries/{delivery.public_id}", "/events", "/customers"):
        assert alice.caller.get(path).status == 401
    assert alice.caller.post("/events", {"customer": "alice", "type": "a.b", "data": {}}).status == 401
    assert bob.caller.get(f"/deliveries?endpoint={alice.endpoint.public_id}").pointers() == ["/endpoint"]


def test_nothing_is_emitted_to_a_deleted_customer(ops: Caller, alice: Tenant) -> None:
    ops.delete("/customers/alice")
    answer = ops.post("/events", {"customer": "alice", "type": "a.b", "data": {}})
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_what_is_deleted_is_not_sent_again(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="exhausted")
    ops.delete("/customers/alice/endpoints/main")
    assert ops.post(f"/deliveries/{delivery.public_id}/redeliver").status == 409
    ops.delete("/customers/alice")
    answer = ops.post(f"/deliveries/{delivery.public_id}/redeliver")
    assert (answer.status, answer.json["detail"]) == (409, "the endpoint was deleted")
    job = ops.post("/deliveries/redeliver", {"customer": alice.customer.public_id})
    assert job.status == 202
    run_job_step(Job.objects.get().id)
    tend_jobs()
    shown = ops.get(f"/jobs/{job.json['id']}").json
    assert (shown["state"], shown["total"], shown["queued"]) == ("done", 0, 0)
    assert not DueDelivery.objects.exists()


def test_the_log_of_a_deleted_endpoint_stays_its_customers(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    endpoint = alice.endpoint.public_id
    assert alice.caller.delete("/customers/alice/endpoints/main").status == 204
    assert alice.caller.get("/customers/alice/endpoints/main").status == 404
    assert alice.caller.get(f"/customers/alice/endpoints/{endpoint}").status == 404
    assert alice.caller.get("/customers/alice/endpoints").json["results"] == []
    for query in (f"endpoint={endpoint}", f"customer=alice&endpoint={endpoint}", "customer=alice"):
        for caller in (alice.caller, ops):
            listed = caller.get(f"/deliveries?{query}").json["results"]
            assert [row["id"] for row in listed] == [delivery.public_id], query
        assert bob.caller.get(f"/deliveries?{query}").status == 400
    assert ops.get(f"/deliveries?customer=bob&endpoint={endpoint}").pointers() == ["/endpoint"]
    assert alice.caller.get("/deliveries?customer=alice&endpoint=main").pointers() == ["/endpoint"]
