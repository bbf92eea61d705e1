"""Data held against the schema of its event type while the caller waits: off, warn, reject."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import deliveries
from deliveries.errors import InvalidData
from deliveries.models import Event, EventType
from deliveries.services import validation
from deliveries.services.schemas import WORK_LIMIT, Work, check_schema, compiled, violations
from tests.api.conftest import Caller, Tenant

MONEY: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer"}, "a/b~c": {"type": "string"}, "lines": {"items": {"type": "object"}}},
}
WRONG = {"amount": "x", "a/b~c": 1, "lines": [{}, 7]}
POINTERS = ["/data/amount", "/data/a~1b~0c", "/data/lines/1"]


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Forget other tests' types, which are rolled back and not deleted."""
    validation.forget_rules()
    yield
    validation.forget_rules()


def an_event(data: Any = WRONG, *, name: str = "invoice.paid") -> dict[str, Any]:
    """An event for alice whose data does not fit, unless told otherwise."""
    return {"customer": "alice", "type": name, "data": data}


def pass_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is remembered be too old."""
    later = time.monotonic() + validation.REFRESH_SECONDS
    monkeypatch.setattr(validation.time, "monotonic", lambda: later)


def test_a_type_that_rejects_refuses_what_does_not_fit_and_says_where(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"})
    answer = ops.post("/events", an_event())
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.pointers() == POINTERS
    assert not Event.objects.exists()
    assert ops.post("/events", an_event({"amount": 5})).status == 202


def test_a_type_that_warns_accepts_and_says_what_is_wrong(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "warn"})
    answer = ops.post("/events", an_event())
    assert answer.status == 202
    assert [each["pointer"] for each in answer.json["warnings"]] == POINTERS
    assert "'x' is not of type 'integer'" in answer.json["warnings"][0]["detail"]
    assert answer.json["deliveries"] == 1
    assert "warnings" not in ops.post("/events", an_event({"amount": 5})).json


@pytest.mark.parametrize("changes", [{"validation": "off"}, {"schema": None}])
def test_a_type_that_does_not_check_accepts_anything(ops: Caller, alice: Tenant, changes: dict[str, Any]) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"} | changes)
    answer = ops.post("/events", an_event())
    assert answer.status == 202
    assert set(answer.json) == {"id", "deliveries"}


def test_a_batch_is_checked_event_by_event(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"})
    ops.post("/event-types", {"name": "invoice.sent", "schema": MONEY, "validation": "warn"})
    answer = ops.post("/events/batch", {"events": [an_event(), an_event({"amount": 1}), an_event(name="invoice.sent")]})
    refused, fine, warned = answer.json["results"]
    assert [each["pointer"] for each in refused["error"]["errors"]] == POINTERS
    assert set(fine) == {"id", "deliveries"}
    assert [each["pointer"] for each in warned["warnings"]] == POINTERS


def test_an_atomic_batch_with_data_that_does_not_fit_stores_nothing(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"})
    answer = ops.post("/events/batch", {"events": [an_event({"amount": 1}), an_event()], "atomic": True})
    assert answer.status == 422
    assert answer.pointers() == [f"/events/1{pointer}" for pointer in POINTERS]
    assert not Event.objects.exists()


def test_emitting_from_inside_is_checked_too(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"})
    for customer in (alice.customer, alice.customer.id, "alice"):
        with pytest.raises(InvalidData, match=r"invoice\.paid") as refused, transaction.atomic():
            deliveries.emit(customer, "invoice.paid", WRONG)
        assert [f"/data{each.pointer}" for each in refused.value.found] == POINTERS
    assert deliveries.emit("alice", "invoice.paid", {"amount": 1})


def test_a_repeated_request_keeps_its_answer_although_the_type_rejects_it_now(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ops.post("/events", an_event(), Idempotency_Key="k1")
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"})
    pass_a_second(monkeypatch)
    again = ops.post("/events", an_event(), Idempotency_Key="k1")
    assert (again.status, again.json) == (first.status, first.json) == (202, first.json)
    assert ops.post("/events", an_event(), Idempotency_Key="k2").status == 422


def test_a_customers_own_type_checks_that_customers_events_only(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    ops.post("/customers/alice/event-types", {"name": "order.made", "schema": MONEY, "validation": "reject"})
    assert ops.post("/events", an_event(name="order.made")).status == 422
    assert ops.post("/events", an_event(name="order.made") | {"customer": alice.customer.public_id}).status == 422
    assert alice.caller.post("/events", an_event(name="order.made")).status == 422
    assert ops.post("/events", an_event(name="order.made") | {"customer": "bob"}).status == 202


def test_a_customer_cannot_have_the_operators_events_refused(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid"})
    own = {"name": "invoice.paid", "schema": False, "validation": "reject"}
    assert alice.caller.post("/customers/alice/event-types", own).status == 201
    assert ops.post("/events", an_event()).status == 202


def test_a_changed_schema_counts_within_a_second(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "reject"})
    assert ops.post("/events", an_event()).status == 422
    ops.patch("/event-types/invoice.paid?force=true", {"schema": {"required": ["total"]}})
    pass_a_second(monkeypatch)
    assert ops.post("/events", an_event()).pointers() == ["/data"]
    assert ops.post("/events", an_event({"total": 1})).status == 202
    EventType.objects.all().delete()
    pass_a_second(monkeypatch)
    assert ops.post("/events", an_event()).status == 202


def test_checking_costs_no_question_per_event(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "validation": "warn"})
    ops.post("/events", an_event())
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert "warnings" in ops.post("/events", an_event()).json
    assert not [query for query in asked.captured_queries if "event_type" in query["sql"]]


def test_names_nobody_registered_do_not_fill_the_memory(ops: Caller, alice: Tenant) -> None:
    validation.rules_for([f"made.up.n{number}" for number in range(validation.REMEMBERED)])
    assert validation.rules_for(["one.more"]) == {"one.more": {}}
    assert len(validation._known) == 1


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"items": {"type": "integer"}}, [1] * 200_000),
        ({"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}, [1] * 200_000),
        ({"allOf": [{"items": {"enum": list(range(100))}}] * 50}, [99] * 10_000),
        ({"allOf": [{"pattern": "^[a-z]+b$"}] * 2000}, "a" * 200_000),
        (
            {"unevaluatedProperties": False, "allOf": [{"properties": {"a": True}}] * 500},
            dict.fromkeys(map(str, range(9000))),
        ),
    ],
)
def test_what_would_take_too_long_to_check_is_told_in_time(schema: Any, data: Any) -> None:
    began = time.thread_time()
    found = violations(compiled(check_schema(schema)), data)
    assert "too much" in found[-1].detail
    assert time.thread_time() - began < 5  # some 250 ms on an idle machine; without a bound, minutes


def test_the_events_of_a_batch_share_what_checking_may_cost() -> None:
    schema, work = compiled({"items": {"type": "integer"}}), Work(WORK_LIMIT)
    assert violations(schema, [1] * 20_000, work=work) == []
    assert violations(schema, [1] * 40_000, work=work)
    assert violations(schema, [1], work=work)


def test_data_that_nests_deep_is_a_violation_and_no_crash() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    assert violations(compiled({"type": "object"}), deep)


def test_a_long_value_leaves_room_for_what_is_wrong_with_it() -> None:
    (violation,) = violations(compiled({"type": "integer"}), "x" * 5000)
    assert len(violation.detail) < 200
    assert violation.detail.endswith("is not of type 'integer'")
