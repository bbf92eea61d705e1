"""All of a customer, taken along and erased, by REST."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from deliveries.api import export_lines
from deliveries.models import AuditEntry, Customer, Event, Job
from deliveries.protocol.writing import ids
from deliveries.services import erasures, job_steps
from deliveries.services.accepting.events import EventDraft, accept_event, accept_events
from deliveries.services.customers import delete_customer
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.reading.export_places import export_places
from tests.api.conftest import ALL_SCOPES, Caller, caller_with
from tests.receiver import Receiver
from tests.services.test_erase import filled, found, words_of

pytestmark = pytest.mark.django_db(transaction=True)


def export_of(caller: Caller, customer: Customer | str) -> list[dict[str, Any]]:
    """The lines of an export, read."""
    ref = customer if isinstance(customer, str) else customer.public_id
    answer = Client(headers={"Authorization": f"Bearer {caller.key}"}).get(f"/api/v1/customers/{ref}/export")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/jsonl"
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]  # type: ignore[arg-type]
    answer.close()
    return lines


def test_a_client_that_knows_no_lines_gets_them_as_text(ops: Caller) -> None:
    ref = Customer.objects.create(name="Alice").public_id
    headers = {"Authorization": f"Bearer {ops.key}", "Accept": "text/plain"}
    answer = Client(headers=headers).get(f"/api/v1/customers/{ref}/export")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    answer.close()


def run_steps() -> None:
    """All steps of all jobs, as workers take them."""
    skipped: set[UUID] = set()
    while (step := job_steps.run_next_step(skipped=skipped)) is not None:
        skipped |= set() if step.more else {step.job_id}


def test_an_erasure_is_a_job_after_which_no_table_holds_a_word(ops: Caller, receiver: Receiver) -> None:
    gone, kept = filled("zebrafish", receiver), filled("armadillo", receiver)
    words, others = words_of(gone, "zebrafish"), words_of(kept, "armadillo")
    of_others = found(others)
    everyones = accept_event(EventDraft(type="all.hands", data=b"{}", customer_uid="*"))
    answer = ops.post("/customers/zebrafish-uid/erase")
    assert (answer.status, answer.json["kind"]) == (202, "erase")
    assert answer.headers["location"].endswith(f"/jobs/{answer.json['id']}")
    run_steps()
    job = ops.get(f"/jobs/{answer.json['id']}").json
    assert job["state"] == "done"
    assert job["done"] == job["total"] > 0
    assert found(words) == {"hookpost_audit_entry", "hookpost_job"}
    assert found(["zebrafish"]) == set()
    assert set(AuditEntry.objects.filter(object_id=gone.public_id).values_list("action")) == {("customer.erase",)}
    assert list(Job.objects.filter(filters__customer_id=str(gone.id)).values_list("kind")) == [("erase",)]
    assert found(others) == of_others
    assert Event.objects.filter(id=everyones.event_id).exists()


def test_an_erasure_is_begun_once_and_only_by_the_operator(ops: Caller, receiver: Receiver) -> None:
    gone = filled("zebrafish", receiver)
    _, key = create_api_key("theirs", ALL_SCOPES, customer=gone, actor="user:root")
    assert Caller(key).post("/customers/zebrafish-uid/erase").status == 403
    assert caller_with("read").post("/customers/zebrafish-uid/erase").status == 403
    first, again = (ops.post("/customers/zebrafish-uid/erase") for _ in range(2))
    assert first.json["id"] == again.json["id"]
    assert ops.post("/customers/nobody/erase").status == 404
    assert ops.post(f"/customers/{Customer().public_id}/erase").status == 404


def test_a_customer_that_was_deleted_is_erased_by_its_id(ops: Caller, receiver: Receiver) -> None:
    gone = filled("zebrafish", receiver)
    customer_id, public_id = gone.id, gone.public_id
    delete_customer(gone, actor="user:root")
    assert ops.post(f"/customers/{public_id}/erase").status == 202
    run_steps()
    assert not Event.objects.filter(customer_id=customer_id).exists()
    assert ops.post(f"/customers/{public_id}/erase").status == 202, "its audit entry still names it"


def test_a_cancelled_erasure_stops_and_another_one_ends_it(
    ops: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_steps, "STEP_SECONDS", 0)
    gone = filled("zebrafish", receiver)
    job = ops.post("/customers/zebrafish-uid/erase").json["id"]
    key = ids.decode_id(ids.JOB, job)
    assert job_steps.run_job_step(key) == (True, [])
    assert ops.post(f"/jobs/{job}/cancel").json["state"] == "cancelled"
    assert job_steps.run_job_step(key) == (False, [])
    assert Event.objects.filter(customer_id=gone.id).exists()
    ops.post(f"/customers/{gone.public_id}/erase")
    run_steps()
    assert found(["zebrafish"]) == set()


def test_an_erasure_of_which_a_step_fails_goes_on_after_a_rest(
    ops: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled("zebrafish", receiver)
    key = ids.decode_id(ids.JOB, ops.post("/customers/zebrafish-uid/erase").json["id"])
    with monkeypatch.context() as patch:
        patch.setattr(erasures, "erase_customer", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            job_steps.run_job_step(key)
    job = Job.objects.get(kind="erase")
    assert (job.failures, job.problem) == (1, "ZeroDivisionError: division by zero")
    Job.objects.update(rest_until=None)
    run_steps()
    assert found(["zebrafish"]) == set()


def test_an_export_holds_all_of_a_customer_and_no_secret(ops: Caller, receiver: Receiver) -> None:
    customer, other = filled("zebrafish", receiver), filled("armadillo", receiver)
    create_api_key("theirs", ["read"], customer=customer, actor="user:root")
    lines = export_of(ops, "zebrafish-uid")
    kinds = [line["object"] for line in lines]
    assert set(kinds) == {
        *("customer", "member", "api_key", "endpoint", "event", "delivery", "attempt", "job", "audit_entry", "end")
    }
    assert (kinds.count("event"), kinds.count("delivery"), kinds.count("attempt")) == (2, 2, 2)
    assert lines[-1] == {"object": "end", "lines": len(lines) - 1}
    text = json.dumps(lines)
    assert "whsec_" not in text
    assert "armadillo" not in text
    assert other.public_id not in text
    (event, _) = [line for line in lines if line["object"] == "event"]
    assert event["body"]["data"] == {"of": "zebrafish"}


def test_a_customers_key_exports_its_own_and_no_other(receiver: Receiver) -> None:
    customer, other = filled("zebrafish", receiver), filled("armadillo", receiver)
    caller = Caller(create_api_key("theirs", ["read"], customer=customer, actor="user:root")[1])
    lines = export_of(caller, customer)
    assert lines[-1]["object"] == "end"
    assert "user:root" not in json.dumps(lines), "the operator's people are the operator to a customer"
    assert caller.get(f"/customers/{other.public_id}/export").status == 404


def test_an_export_needs_no_more_memory_for_more_events(ops: Caller, receiver: Receiver) -> None:
    customer = filled("zebrafish", receiver)
    body = b'{"fill": "%b"}' % (b"x" * 100_000)
    draft = EventDraft(type="a.b", data=body, customer_id=customer.id)
    for _ in range(8):
        accept_events([draft] * 10)
    tracemalloc.start()
    try:
        size = sum(len(line) for line in export_lines.export_lines(customer, viewer=export_lines.visible.OPERATOR))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 80 * 100_000
    assert peak < size / 2


def test_exports_at_once_are_limited_and_places_come_back(ops: Caller, receiver: Receiver) -> None:
    filled("zebrafish", receiver)
    places = [export_places.take(None) for _ in range(2)]
    answer = ops.get("/customers/zebrafish-uid/export")
    assert (answer.status, "retry-after" in answer.headers) == (429, True)
    for place in places:
        assert place is not None
        export_places.give_back(place)
    assert export_of(ops, "zebrafish-uid")[-1]["object"] == "end"
    assert not export_places.taken
