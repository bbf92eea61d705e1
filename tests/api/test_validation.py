"""Data held against the schema of its event type while the caller waits: off, warn, reject."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import deliveries
from deliveries.errors import InvalidData, InvalidInput
from deliveries.models import Event, EventType
from deliveries.services.catalogue import validation
from deliveries.services.catalogue.schemas import WIDTH_LIMIT, check_schema, compiled, violations
from tests.api.conftest import Caller, Tenant
from tests.own_time import give_own_time

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
    forget_rules()
    yield
    forget_rules()


def forget_rules() -> None:
    """Read everything again at the next event."""
    validation._known.clear()
    validation._used.clear()
    validation._light_schema_of.cache_clear()
    validation._heavy_schema_of.cache_clear()


def an_event(data: Any = WRONG, *, name: str = "invoice.paid") -> dict[str, Any]:
    """An event for alice whose data does not fit, unless told otherwise."""
    return {"customer": "alice", "type": name, "data": data}


def stop_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing that is remembered grow old, however long a thousand names take."""
    now = validation.time.monotonic()
    give_own_time(monkeypatch, validation, monotonic=lambda: now)


def pass_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is remembered be too old."""
    later = validation.time.monotonic() + validation.REFRESH_SECONDS
    give_own_time(monkeypatch, validation, monotonic=lambda: later)


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
    assert '"x" is not of type "integer"' in answer.json["warnings"][0]["detail"]
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


def test_a_customers_own_type_checks_what_its_own_keys_emit_and_nothing_else(
    ops: Caller, alice: Tenant, bob: Tenant
) -> None:
    ops.post("/customers/alice/event-types", {"name": "order.made", "schema": MONEY, "validation": "reject"})
    assert alice.caller.post("/events", an_event(name="order.made")).status == 422
    assert bob.caller.post("/events", an_event(name="order.made") | {"customer": "bob"}).status == 202
    for customer in ("alice", alice.customer.public_id, "bob"):
        assert ops.post("/events", an_event(name="order.made") | {"customer": customer}).status == 202
    assert deliveries.emit("alice", "order.made", WRONG)


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize("own", [{"schema": False, "validation": "reject"}, {"archived": True}])
def test_a_customers_own_type_never_refuses_what_a_service_emits(
    ops: Caller, alice: Tenant, bob: Tenant, own: dict[str, Any], registered: bool
) -> None:
    if registered:
        ops.post("/event-types", {"name": "invoice.paid"})
    assert alice.caller.post("/customers/alice/event-types", {"name": "invoice.paid"} | own).status == 201
    assert ops.post("/events", an_event()).status == 202
    batch = {"events": [an_event() | {"customer": "bob"}, an_event()], "atomic": True}
    assert ops.post("/events/batch", batch).status == 202
    assert deliveries.emit("alice", "invoice.paid", WRONG)


def test_what_a_customer_archived_its_own_keys_cannot_emit(alice: Tenant) -> None:
    alice.caller.post("/customers/alice/event-types", {"name": "order.made", "archived": True})
    assert alice.caller.post("/events", an_event(name="order.made")).status == 422


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


def test_names_nobody_registered_do_not_fill_the_memory(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_time(monkeypatch)
    validation.rules_for([f"made.up.n{number}" for number in range(validation.REMEMBERED)])
    assert validation.rules_for(["one.more"]) == {"one.more": {}}
    assert len(validation._known) == validation.REMEMBERED


def test_names_that_somebody_makes_up_do_not_push_out_those_in_use(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_time(monkeypatch)
    validation.rules_for(["invoice.paid"])
    validation.rules_for([f"made.up.n{number}" for number in range(validation.REMEMBERED * 2)])
    with CaptureQueriesContext(connection) as asked:
        validation.rules_for(["invoice.paid"])
    assert not asked.captured_queries
    pass_a_second(monkeypatch)
    validation.rules_for(["invoice.paid"])
    assert validation._known.keys() == {"invoice.paid"}


def test_a_web_server_reads_types_that_are_in_use_before_they_are_old(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given rules that are not old yet, then a thread reads them again, and nobody who emits waits for it."""
    read: list[tuple[str, ...]] = []
    validation.rules_for(["invoice.paid"])
    monkeypatch.setattr(validation, "is_sharing", lambda: True)
    monkeypatch.setattr(validation, "_read", lambda names: read.append(tuple(names)) or {})
    now = time.monotonic() + validation.AHEAD_SECONDS
    give_own_time(monkeypatch, validation, monotonic=lambda: now)
    assert validation.rules_for(["invoice.paid"]) == {"invoice.paid": {}}
    for thread in [each for each in threading.enumerate() if each.name == "event-types"]:
        thread.join()
    assert read == [("invoice.paid",)]


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"items": {"type": "integer"}}] * WIDTH_LIMIT},
        {"items": {"allOf": [{"pattern": "^[a-z]+b$"}] * WIDTH_LIMIT}},
        {"properties": {"a": {"anyOf": [{"properties": {"b": {"type": "string"}}}] * WIDTH_LIMIT}}},
        {"items": {"enum": [{"a": number} for number in range(WIDTH_LIMIT)]}},
        {"$defs": {"m": {"items": {"minimum": 1}}}, "allOf": [{"$ref": "#/$defs/m"}] * WIDTH_LIMIT},
        {"additionalProperties": {"allOf": [{"type": "string"}] * WIDTH_LIMIT}},
    ],
)
def test_a_schema_that_would_take_too_long_to_check_is_refused_when_it_is_registered(schema: Any) -> None:
    with pytest.raises(InvalidInput, match="one value against more than"):
        check_schema(schema)
    (violation,) = violations(compiled(schema), {"a": 1})  # of one that was registered before there was this limit
    assert "too much" in violation.detail


def with_patterns(*patterns: str) -> dict[str, Any]:
    """A schema of a text for each pattern."""
    return {"properties": {f"member_{number}": {"pattern": each} for number, each in enumerate(patterns)}}


def test_a_schema_whose_patterns_would_use_up_memory_is_refused_when_it_is_registered() -> None:
    """Given patterns of most of a megabyte each when compiled, then few are taken, and equal ones count once."""
    schema = with_patterns(*(f".{{900}}{number}" for number in range(9)))
    with pytest.raises(InvalidInput, match="too large together"):
        check_schema(schema)
    with pytest.raises(InvalidInput, match="too large together"):
        check_schema({"patternProperties": {f".{{900}}{number}": {} for number in range(9)}})
    (violation,) = violations(compiled(schema), {})  # of one that was registered before there was this limit
    assert "too much" in violation.detail
    assert check_schema(with_patterns(*(f".{{900}}{number}" for number in range(8))))
    assert check_schema(with_patterns(*[".{900}"] * 150))
    assert check_schema(with_patterns(*(f"^[A-Z]{{3}}-{number}$" for number in range(900))))


def test_few_schemas_with_large_patterns_are_remembered_and_all_are_judged(ops: Caller, alice: Tenant) -> None:
    for name, pattern in (("a.large", "^.{900}$"), ("a.small", "^.{9}$")):
        ops.post("/event-types", {"name": name, "schema": with_patterns(pattern), "validation": "reject"})
        for _ in range(2):
            assert ops.post("/events", an_event({"member_0": "short"}, name=name)).status == 422
    assert ops.post("/events", an_event({"member_0": "x" * 900}, name="a.large")).status == 202
    assert ops.post("/events", an_event({"member_0": "x" * 9}, name="a.small")).status == 202
    assert validation._heavy_schema_of.cache_info().currsize == 1
    assert validation._light_schema_of.cache_info().currsize == 2


def test_a_schema_may_describe_many_members() -> None:
    members = {f"member_{number}": {"type": "integer", "minimum": 0} for number in range(900)}
    schema = check_schema({"properties": members, "required": sorted(members), "additionalProperties": False})
    assert violations(compiled(schema), dict.fromkeys(members, 1)) == []


INVOICE = {
    "type": "object",
    "required": ["lines"],
    "properties": {
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "additionalProperties": False,
                "properties": {
                    "sku": {"type": "string", "pattern": r"^[A-Z]{3}-\d+$"},
                    "quantity": {"type": "integer", "minimum": 1},
                    "price": {
                        "type": "object",
                        "properties": {"amount": {"type": "integer"}, "currency": {"enum": ["EUR", "USD"]}},
                    },
                },
            },
        }
    },
}


def an_invoice(lines: int) -> dict[str, Any]:
    """An invoice that fits."""
    line = {"sku": "ABC-1", "quantity": 1, "price": {"amount": 100, "currency": "EUR"}}
    return {"lines": [line | {"sku": f"ABC-{number}"} for number in range(lines)]}


def test_a_correct_invoice_of_many_lines_fits(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": INVOICE, "validation": "reject"})
    assert ops.post("/events", an_event(an_invoice(1770))).status == 202


def test_one_wrong_line_of_many_is_pointed_at(ops: Caller, alice: Tenant) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": INVOICE, "validation": "reject"})
    data = an_invoice(1770)
    data["lines"][1234]["quantity"] = "two"
    assert ops.post("/events", an_event(data)).pointers() == ["/data/lines/1234/quantity"]


def test_patterns_take_linear_time() -> None:
    schema = compiled(check_schema({"pattern": "^(a+)+$"}))
    assert violations(schema, "a" * 50_000) == []
    assert violations(schema, "a" * 50_000 + "b")


def test_data_that_nests_deep_is_a_violation_and_no_crash() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    assert violations(compiled({"type": "object"}), deep)


def test_a_long_value_leaves_room_for_what_is_wrong_with_it() -> None:
    (violation,) = violations(compiled({"type": "integer"}), "x" * 5000)
    assert len(violation.detail) < 200
    assert violation.detail.endswith('is not of type "integer"')
