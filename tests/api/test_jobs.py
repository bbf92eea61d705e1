"""Bulk work by API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deliveries.models import AuditEntry, DueDelivery, Job
from deliveries.services.job_steps import run_job_step
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_event

MAIN = "/customers/alice/endpoints/main"
LONG_AGO = "2020-01-01T00:00:00Z"


def test_a_dry_run_counts_and_changes_nothing(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted")
    log_delivery(alice.endpoint)
    answer = ops.post("/deliveries/redeliver", {"customer": "alice", "state": "exhausted", "dry_run": True})
    assert (answer.status, answer.json) == (200, {"count": 1})
    assert not Job.objects.exists()
    assert not DueDelivery.objects.exists()


def test_what_the_list_shows_is_what_is_sent_again(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    wanted = log_delivery(alice.endpoint, state="exhausted", type="invoice.paid", status_code=503, error="http_5xx")
    log_delivery(alice.endpoint, state="exhausted", type="user.created", status_code=503, error="http_5xx")
    log_delivery(bob.endpoint, state="exhausted", type="invoice.paid", status_code=503, error="http_5xx")
    body = {"customer": "alice", "endpoint": "main", "type": "invoice.*", "status_code": 503, "since": LONG_AGO}
    answer = ops.post("/deliveries/redeliver", {**body, "reason": "outage is over"})
    assert answer.status == 202
    job = answer.json
    assert (job["kind"], job["state"], job["total"], job["reason"]) == ("redeliver", "pending", 1, "outage is over")
    assert job["filters"]["endpoint"] == alice.endpoint.public_id
    run_job_step(Job.objects.get().id)
    due = DueDelivery.objects.get()
    assert (due.delivery_id, due.manual, due.rank, due.actor) == (wanted.id, True, 3, "key:ops")
    shown = ops.get(f"/jobs/{job['id']}").json
    assert (shown["state"], shown["queued"], shown["done"], shown["failed"]) == ("running", 1, 0, 0)
    assert AuditEntry.objects.get(action="job.redeliver").object_id == job["id"]


@pytest.mark.parametrize("body", [{}, {"dry_run": True}, {"reason": "all of them"}])
def test_everything_at_once_is_refused(ops: Caller, alice: Tenant, body: dict[str, Any]) -> None:
    assert ops.post("/deliveries/redeliver", body).status == 422
    assert alice.caller.post("/deliveries/redeliver", body).status == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"state": "lost"}, "/state"),
        ({"status_code": "503"}, "/status_code"),
        ({"event": "x"}, "/event"),
        ({"since": 5}, "/since"),
        ({"dry_run": "yes"}, "/dry_run"),
        ({"limit": 5}, "/limit"),
    ],
)
def test_a_wrong_filter_is_422_and_pointed_to(ops: Caller, body: dict[str, Any], pointer: str) -> None:
    answer = ops.post("/deliveries/redeliver", body)
    assert answer.status == 422
    assert pointer in answer.pointers()


def test_a_customers_key_sends_only_its_own(alice: Tenant, bob: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted")
    log_delivery(bob.endpoint, state="exhausted")
    for body in (
        {"state": "exhausted"},
        {"customer": "alice", "state": "exhausted"},
    ):
        assert alice.caller.post("/deliveries/redeliver", {**body, "dry_run": True}).json == {"count": 1}
    for body in (
        {"customer": "bob"},
        {"customer": bob.customer.public_id},
        {"endpoint": bob.endpoint.public_id},
        {"customer": "alice", "endpoint": bob.endpoint.public_id},
    ):
        refused = alice.caller.post("/deliveries/redeliver", {**body, "dry_run": True})
        assert (refused.status, len(refused.pointers())) == (422, 1)
    job = alice.caller.post("/deliveries/redeliver", {"state": "exhausted"}).json
    run_job_step(Job.objects.get().id)
    assert [due.endpoint_id for due in DueDelivery.objects.all()] == [alice.endpoint.id]
    assert bob.caller.get(f"/jobs/{job['id']}").status == 404
    assert bob.caller.post(f"/jobs/{job['id']}/cancel").status == 404
    assert [row["id"] for row in alice.caller.get("/jobs").json["results"]] == [job["id"]]
    assert bob.caller.get("/jobs").json["results"] == []


def test_recover_takes_what_was_tried_and_did_not_succeed(ops: Caller, alice: Tenant) -> None:
    exhausted = log_delivery(alice.endpoint, state="exhausted")
    retrying = log_delivery(alice.endpoint, state="pending", attempts=3)
    log_delivery(alice.endpoint, state="pending", attempts=0)
    log_delivery(alice.endpoint, state="held")
    log_delivery(alice.endpoint)
    log_delivery(alice.endpoint, state="exhausted", age=timedelta(hours=2))
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert ops.post(f"{MAIN}/recover", {"since": since, "dry_run": True}).json == {"count": 2}
    answer = ops.post(f"{MAIN}/recover", {"since": since})
    assert (answer.status, answer.json["kind"], answer.json["total"]) == (202, "recover", 2)
    run_job_step(Job.objects.get().id)
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == {exhausted.id, retrying.id}


def test_replay_sends_what_the_endpoint_never_got(ops: Caller, alice: Tenant) -> None:
    ops.patch(MAIN, {"event_types": ["invoice.*"]})
    log_delivery(alice.endpoint, type="invoice.paid")
    missed = log_event(alice.endpoint, type="invoice.sent")
    log_event(alice.endpoint, type="user.created")
    log_event(alice.endpoint, type="invoice.sent", age=timedelta(hours=2))
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert ops.post(f"{MAIN}/replay", {"since": since}).status == 202
    run_job_step(Job.objects.get().id)
    due = DueDelivery.objects.get()
    assert (due.event_id, due.manual, due.rank) == (missed.id, False, 3)
    shown = ops.get(f"/deliveries?event={missed.public_id}").json["results"]
    assert [row["state"] for row in shown] == ["pending"]


@pytest.mark.parametrize("verb", ["recover", "replay"])
def test_a_span_needs_its_start(ops: Caller, alice: Tenant, verb: str) -> None:
    assert ops.post(f"{MAIN}/{verb}", {}).pointers() == ["/since"]
    assert ops.post(f"{MAIN}/{verb}", {"since": "x"}).pointers() == ["/since"]
    assert ops.post(f"{MAIN}/{verb}", {"since": LONG_AGO, "type": "a b"}).pointers() == ["/type"]


def test_a_job_is_cancelled_once(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted")
    job = ops.post("/deliveries/redeliver", {"customer": "alice"}).json
    run_job_step(Job.objects.get().id)
    answer = ops.post(f"/jobs/{job['id']}/cancel", {"reason": "wrong filter"})
    assert (answer.status, answer.json["state"]) == (200, "cancelled")
    assert not DueDelivery.objects.exists()
    assert ops.post(f"/jobs/{job['id']}/cancel").status == 409
    assert ops.get("/jobs/job_01m7xrh3m4f64af0n940sfkm51").status == 404


def test_a_failed_job_says_why_and_is_resumed_once(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted")
    job = alice.caller.post("/deliveries/redeliver", {"state": "exhausted"}).json
    path = f"/jobs/{job['id']}"
    assert ops.post(f"{path}/resume").status == 409
    Job.objects.update(state="failed", problem="DataError: refused", failures=5)
    assert (ops.get(path).json["state"], ops.get(path).json["problem"]) == ("failed", "DataError: refused")
    assert alice.caller.get(path).json["problem"] == "a part of it could not be queued"
    answer = alice.caller.post(f"{path}/resume", {"reason": "again"})
    assert (answer.status, answer.json["state"]) == (200, "running")
    assert alice.caller.post(f"{path}/resume").status == 409
    run_job_step(Job.objects.get().id)
    assert DueDelivery.objects.count() == 1
