"""One selection everywhere: the same words mean the same rows, and what is not there is an error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from deliveries.models import Delivery, DueDelivery, Event, Job
from deliveries.services.endpoints import pause_endpoint, resume_endpoint
from deliveries.services.job_steps import run_job_step, run_next_step
from deliveries.services.process import shares
from deliveries.services.resending import candidates
from deliveries.services.resending.jobs import tend_jobs
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_due, log_event

MAIN = "/customers/alice/endpoints/main"
SINCE = {"since": "2020-01-01T00:00:00Z"}
UNKNOWN = "01m7xrh3m4f64af0n940sfkm51"
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("endpoint=main", "/endpoint"),
        (f"endpoint=ep_{UNKNOWN}", "/endpoint"),
        ("customer=alice&endpoint=nosuch", "/endpoint"),
        ("customer=nosuch", "/customer"),
        (f"customer=cus_{UNKNOWN}", "/customer"),
        ("customer=nosuch&endpoint=main", "/customer"),
        (f"event=evt_{UNKNOWN}", "/event"),
    ],
)
def test_what_is_not_there_is_an_error_on_every_list_and_action(
    ops: Caller, alice: Tenant, query: str, pointer: str
) -> None:
    listed = ops.get(f"/deliveries?{query}")
    assert (listed.status, listed.pointers()) == (400, [pointer])
    body = dict(pair.split("=") for pair in query.split("&"))
    for also in ({}, {"dry_run": True}):
        sent = ops.post("/deliveries/redeliver", body | also)
        assert (sent.status, sent.pointers()) == (422, [pointer])
    assert not Job.objects.exists()


@pytest.mark.parametrize("customer", ["nosuch", f"cus_{UNKNOWN}"])
def test_events_of_nobody_are_an_error(ops: Caller, alice: Tenant, customer: str) -> None:
    answer = ops.get(f"/events?customer={customer}")
    assert (answer.status, answer.pointers()) == (400, ["/customer"])


@pytest.mark.parametrize("narrowed", ["customer=bob", "customer=bob&endpoint=main", "endpoint={id}"])
def test_an_event_of_another_customer_than_the_rest_is_an_error(
    ops: Caller, alice: Tenant, bob: Tenant, narrowed: str
) -> None:
    delivery = log_delivery(alice.endpoint)
    query = f"{narrowed.format(id=bob.endpoint.public_id)}&event={delivery.event.public_id}"
    listed = ops.get(f"/deliveries?{query}")
    assert (listed.status, listed.pointers()) == (400, ["/event"])
    whole = ops.get(f"/deliveries?customer=alice&endpoint=main&event={delivery.event.public_id}")
    assert [row["id"] for row in whole.json["results"]] == [delivery.public_id]


def test_a_customers_own_key_needs_not_name_its_customer(alice: Tenant, bob: Tenant) -> None:
    mine = log_delivery(alice.endpoint)
    log_delivery(bob.endpoint)
    assert [row["id"] for row in alice.caller.get("/deliveries?endpoint=main").json["results"]] == [mine.public_id]


def sent_by(caller: Caller, path: str, body: dict[str, Any]) -> int:
    """How many a job really queues."""
    job = caller.post(path, body)
    assert job.status == 202
    while run_next_step() is not None:
        pass
    queued: int = caller.get(f"/jobs/{job.json['id']}").json["queued"]
    return queued


def test_a_dry_run_of_a_replay_says_what_it_then_queues(ops: Caller, alice: Tenant) -> None:
    """Given events that arrived, wait, are of other types or do not pass the filter, then none of them is counted."""
    ops.patch(MAIN, {"event_types": ["invoice.*"], "filter": '$.type == "a.b"'})
    for minutes, state in enumerate(("succeeded", "exhausted", "pending", "held"), start=1):
        log_delivery(alice.endpoint, type="invoice.paid", state=state, age=minutes * MINUTE)
    log_delivery(alice.endpoint, type="invoice.paid", state="cancelled", age=5 * MINUTE, attempts=2)
    log_event(alice.endpoint, type="user.created", age=6 * MINUTE)
    unfit = log_event(alice.endpoint, type="invoice.sent", age=7 * MINUTE)
    Event.objects.filter(id=unfit.id).update(body=b'{"type":"c"}')
    unsent = log_event(alice.endpoint, type="invoice.sent", age=8 * MINUTE)
    count = ops.post(f"{MAIN}/replay", {**SINCE, "dry_run": True}).json
    assert count == {"count": 1}
    assert sent_by(ops, f"{MAIN}/replay", SINCE) == 1
    assert DueDelivery.objects.get().event_id == unsent.id
    assert ops.post(f"{MAIN}/replay", {**SINCE, "dry_run": True}).json == {"count": 0}


def test_a_dry_run_of_a_redelivery_says_what_it_then_queues(ops: Caller, alice: Tenant) -> None:
    """Given deliveries that are about to be sent anyway, then neither the dry run nor the job has them."""
    log_delivery(alice.endpoint, state="exhausted", age=MINUTE)
    log_due(log_delivery(alice.endpoint, state="pending", age=2 * MINUTE))
    log_due(log_delivery(alice.endpoint, state="exhausted", age=3 * MINUTE), manual=True)
    body = {"customer": "alice"}
    assert ops.post("/deliveries/redeliver", {**body, "dry_run": True}).json == {"count": 1}
    assert sent_by(ops, "/deliveries/redeliver", body) == 1


def test_what_was_cancelled_unsent_is_reached_by_replay(ops: Caller, alice: Tenant) -> None:
    cancelled = log_delivery(alice.endpoint, state="cancelled", age=MINUTE, attempts=0, error="filter_failed")
    assert ops.post(f"{MAIN}/recover", {**SINCE, "dry_run": True}).json == {"count": 0}
    assert sent_by(ops, f"{MAIN}/replay", SINCE) == 1
    cancelled.refresh_from_db()
    assert (cancelled.state, cancelled.finished_at, cancelled.error) == ("pending", None, "")
    due = DueDelivery.objects.get()
    assert (due.delivery_id, due.manual, due.rank) == (cancelled.id, False, 3)
    assert Delivery.objects.count() == 1


def test_what_was_cancelled_after_it_was_tried_is_reached_by_recover(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="cancelled", age=MINUTE, attempts=2)
    assert ops.post(f"{MAIN}/replay", {**SINCE, "dry_run": True}).json == {"count": 0}
    assert ops.post(f"{MAIN}/recover", {**SINCE, "dry_run": True}).json == {"count": 1}
    assert sent_by(ops, f"{MAIN}/recover", SINCE) == 1


def test_a_cancelled_backlog_can_be_replayed(ops: Caller, alice: Tenant) -> None:
    pause_endpoint(alice.endpoint, actor="key:ops")
    log_due(log_delivery(alice.endpoint, state="held", age=MINUTE), due_at=None, rank=2)
    resume_endpoint(alice.endpoint, actor="key:ops", cancel_backlog=True)
    assert Delivery.objects.get().state == "cancelled"
    assert sent_by(ops, f"{MAIN}/replay", SINCE) == 1


def test_counting_ends_and_says_so(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes in range(1, 6):
        log_delivery(alice.endpoint, state="exhausted", age=minutes * MINUTE)
    monkeypatch.setattr(candidates, "COUNT_LIMIT", 2)
    monkeypatch.setattr(candidates, "COUNT_CHUNK", 2)
    counted = ops.post("/deliveries/redeliver", {"customer": "alice", "dry_run": True}).json
    assert counted == {"count": 2, "at_least": True}
    assert sent_by(ops, "/deliveries/redeliver", {"customer": "alice"}) == 5


def test_a_count_is_drawn_on_the_account_of_the_customer_who_asks_for_it(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[UUID] = []
    monkeypatch.setattr(shares, "charge", lambda by, **_of_what: drawn.append(by))
    for caller in (alice.caller, ops):  # the customer itself, and the operator for it
        assert caller.post("/deliveries/redeliver", {"customer": "alice", "dry_run": True}).status == 200
    assert drawn == [alice.customer.id]


def test_a_count_that_takes_too_long_is_given_up(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    log_delivery(alice.endpoint, state="exhausted", age=MINUTE)

    def slow(*_: object, **__: object) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr(candidates, "count_part", slow)
    monkeypatch.setattr(candidates, "COUNT_SECONDS", 0.2)
    counted = ops.post("/deliveries/redeliver", {"customer": "alice", "dry_run": True})
    assert (counted.status, counted.json) == (200, {"count": 0, "at_least": True})


@pytest.mark.parametrize("window", [1, 3])
def test_few_among_many_are_found_window_by_window(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    wanted = []
    for place in range(9):
        error = "dns_error" if place in (0, 4, 8) else "http_5xx"
        delivery = log_delivery(alice.endpoint, state="exhausted", error=error, age=(place + 1) * MINUTE)
        wanted += [delivery.id] if error == "dns_error" else []
    monkeypatch.setattr(candidates, "WINDOW", window)
    body = {"customer": "alice", "error": "dns_error", "until": (datetime.now(UTC) + MINUTE).isoformat()}
    assert ops.post("/deliveries/redeliver", {**body, "dry_run": True}).json == {"count": 3}
    assert sent_by(ops, "/deliveries/redeliver", body) == 3
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == set(wanted)


def test_a_job_of_a_deleted_endpoint_ends_with_true_numbers(ops: Caller, alice: Tenant) -> None:
    """Given jobs queued, half queued and not begun, when the endpoint is deleted, then all say what became of it."""
    for minutes in range(1, 4):
        log_delivery(alice.endpoint, state="exhausted", age=minutes * MINUTE)
        log_event(alice.endpoint, age=(minutes + 10) * MINUTE)
    queued = alice.caller.post(f"{MAIN}/recover", SINCE).json["id"]
    run_job_step(Job.objects.get().id)
    replay = alice.caller.post(f"{MAIN}/replay", SINCE).json["id"]
    assert alice.caller.delete(MAIN).status == 204
    while run_next_step() is not None:
        pass
    tend_jobs()
    for job in (queued, replay):
        shown = alice.caller.get(f"/jobs/{job}").json
        assert (shown["state"], shown["total"], shown["done"], shown["failed"]) == ("done", 3, 0, 3)
        assert shown["problem"] == "the endpoint was deleted"


def test_a_redelivery_whose_endpoint_is_deleted_before_it_begins_says_so(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted", age=MINUTE)
    job = ops.post("/deliveries/redeliver", {"customer": "alice"}).json["id"]
    ops.delete(MAIN)
    while run_next_step() is not None:
        pass
    tend_jobs()
    shown = ops.get(f"/jobs/{job}").json
    assert (shown["state"], shown["total"], shown["done"], shown["failed"]) == ("done", 1, 0, 1)
    assert shown["problem"] == "the endpoint was deleted"


def test_what_leaves_the_queue_unsent_counts_as_failed(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted", age=MINUTE)
    job = ops.post("/deliveries/redeliver", {"customer": "alice"}).json["id"]
    run_job_step(Job.objects.get().id)
    DueDelivery.objects.all().delete()  # as when its day is dropped
    tend_jobs()
    shown = ops.get(f"/jobs/{job}").json
    assert (shown["state"], shown["done"] + shown["failed"]) == ("done", shown["total"])
    assert "left the queue unsent" in shown["problem"]
