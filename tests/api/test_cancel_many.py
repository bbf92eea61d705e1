"""Cancelling by filter what waits, by API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import AuditEntry, Delivery, DueDelivery, Job, Lane
from deliveries.services import job_steps
from deliveries.services.job_steps import run_job_step
from deliveries.services.resending import candidates
from deliveries.services.resending.jobs import tend_jobs
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_due

pytestmark = pytest.mark.django_db


def waiting(tenant: Tenant, state: str = "pending", **columns: object) -> Delivery:
    delivery = log_delivery(tenant.endpoint, state=state, **columns)  # type: ignore[arg-type]
    log_due(delivery, **({"due_at": None} if state == "held" else {}))
    return delivery


def run(job: str) -> dict[str, object]:
    """Let a job go to its end."""
    row = Job.objects.latest("id")
    while run_job_step(row.id)[0]:
        pass
    tend_jobs()
    row.refresh_from_db()
    return {"state": row.state, "total": row.total, "done": row.done, "failed": row.failed, "problem": row.problem}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_steps, "CHUNK", 2)
    monkeypatch.setattr(candidates, "WINDOW", 3)


def test_what_waits_and_matches_is_cancelled_and_nothing_else(
    ops: Caller, alice: Tenant, bob: Tenant, small_parts: None
) -> None:
    wanted = [waiting(alice, type="invoice.paid") for _ in range(4)] + [waiting(alice, "held", type="invoice.due")]
    log_delivery(alice.endpoint, state="succeeded", type="invoice.paid")
    others = [waiting(alice, type="user.created"), waiting(bob, type="invoice.paid")]
    body = {"customer": "alice", "type": "invoice.*"}
    assert ops.post("/deliveries/cancel", {**body, "dry_run": True}).json == {"count": 5}
    assert DueDelivery.objects.count() == 7
    answer = ops.post("/deliveries/cancel", {**body, "reason": "sent by mistake"})
    assert (answer.status, answer.json["kind"], answer.json["total"]) == (202, "cancel", 5)
    assert answer.json["filters"]["state"] == "pending,held"
    assert run(answer.json["id"]) == {"state": "done", "total": 5, "done": 5, "failed": 0, "problem": ""}
    assert set(DueDelivery.objects.values_list("delivery_id", flat=True)) == {each.id for each in others}
    ended = Delivery.objects.filter(id__in=[each.id for each in wanted])
    assert set(ended.values_list("state", flat=True)) == {"cancelled"}
    assert not ended.filter(finished_at=None).exists()
    assert AuditEntry.objects.get(action="job.cancel_deliveries").reason == "sent by mistake"


def test_what_cannot_be_cancelled_is_refused(ops: Caller, alice: Tenant) -> None:
    waiting(alice)
    for body in ({}, {"dry_run": True}, {"reason": "all of them"}):
        assert ops.post("/deliveries/cancel", body).status == 422
        assert alice.caller.post("/deliveries/cancel", body).status == 422
    for state in ("succeeded", "pending,exhausted"):
        refused = ops.post("/deliveries/cancel", {"customer": "alice", "state": state})
        assert (refused.status, refused.pointers()) == (422, ["/state"])
    assert ops.post("/deliveries/cancel", {"group": "flg_x", "customer": "alice"}).status == 422
    assert not Job.objects.exists()


def test_a_customers_key_cancels_only_its_own(alice: Tenant, bob: Tenant) -> None:
    mine, other = waiting(alice), waiting(bob)
    assert alice.caller.post("/deliveries/cancel", {"customer": "bob"}).status == 422
    job = alice.caller.post("/deliveries/cancel", {"state": "pending"}).json
    assert run(job["id"])["done"] == 1
    assert DueDelivery.objects.get().delivery_id == other.id
    mine.refresh_from_db()
    assert mine.state == "cancelled"
    assert bob.caller.get(f"/jobs/{job['id']}").status == 404


def test_what_came_later_or_was_asked_for_by_hand_stays(ops: Caller, alice: Tenant) -> None:
    first = waiting(alice, age=timedelta(minutes=1))
    log_due(first, manual=True)
    ops.post("/deliveries/cancel", {"endpoint": alice.endpoint.public_id})
    later = waiting(alice)
    assert run("")["done"] == 1
    kept = DueDelivery.objects.order_by("manual").values_list("delivery_id", "manual")
    assert list(kept) == [(later.id, False), (first.id, True)]


def test_a_cancelled_job_cancels_no_more_and_is_not_resumed(ops: Caller, alice: Tenant, small_parts: None) -> None:
    for _ in range(4):
        waiting(alice)
    job = ops.post("/deliveries/cancel", {"customer": "alice"}).json["id"]
    run_job_step(Job.objects.get().id)
    assert ops.post(f"/jobs/{job}/cancel").json["state"] == "cancelled"
    assert run_job_step(Job.objects.get().id) == (False, [])
    assert DueDelivery.objects.count() == 2
    assert ops.post(f"/jobs/{job}/resume").status == 409


def test_an_ordered_endpoint_goes_on_when_the_delivery_that_it_waits_for_is_cancelled(
    ops: Caller, alice: Tenant
) -> None:
    until = datetime.now(UTC) + timedelta(hours=5)
    failed = log_delivery(alice.endpoint, state="pending", type="invoice.paid")
    log_due(failed, attempts=3, due_at=until)
    waiting(alice)
    lanes = Lane.objects.filter(endpoint=alice.endpoint)
    lanes.update(rest_until=until, rest_reason="order")
    ops.post("/deliveries/cancel", {"customer": "alice", "type": "a.b"})
    run("")
    assert lanes.get().rest_until == until  # the first one is still to come
    ops.post("/deliveries/cancel", {"customer": "alice", "type": "invoice.*"})
    run("")
    assert (lanes.get().rest_until, lanes.get().rest_reason) == (None, "")
