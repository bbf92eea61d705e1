"""/event-types: the operator's, and customers' own."""

from __future__ import annotations

from typing import Any

import pytest

from deliveries.admin.portal.schema_members import members_of
from deliveries.api.webhook_schemas import ComponentNames, hoist
from deliveries.errors import InvalidInput
from deliveries.models import EventType
from deliveries.protocol.events.schema_changes import breaking_changes
from deliveries.services.catalogue.schemas import check_schema, compiled, violations
from tests.api.conftest import Caller, Tenant

MONEY = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


def test_an_event_type_is_registered_changed_archived_and_deleted(ops: Caller) -> None:
    made = ops.post("/event-types", {"name": "invoice.paid", "schema": MONEY, "example": {"amount": 5}})
    assert made.status == 201
    assert ops.get("/event-types/invoice.paid").json == made.json
    changed = ops.patch("/event-types/invoice.paid", {"archived": True, "description": "Paid."})
    assert (changed.json["archived"], changed.json["description"], changed.json["schema"]) == (True, "Paid.", MONEY)
    assert ops.get("/event-types?archived=false").json["results"] == []
    assert ops.patch("/event-types/invoice.paid", {"example": None}).json["example"] is None
    assert ops.delete("/event-types/invoice.paid").status == 204
    assert ops.get("/event-types/invoice.paid").status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "a b"}, "/name"),
        ({"name": "a..b"}, "/name"),
        ({"name": "invoice.*"}, "/name"),
        ({"name": "x" * 129}, "/name"),
        ({"name": "a.b", "schema": 5}, "/schema"),
        ({"name": "a.b", "schema": {"type": "nonsense"}}, "/schema"),
        ({"name": "a.b", "schema": {"$ref": "https://evil.example/x.json"}}, "/schema"),
        ({"name": "a.b", "schema": MONEY, "example": {}}, "/example"),
        ({"name": "a.b", "validation": "maybe"}, "/validation"),
        ({"name": "a.b", "archived": "no"}, "/archived"),
        ({"name": "a.b", "description": "x" * 5001}, "/description"),
    ],
)
def test_a_wrong_field_is_pointed_to(ops: Caller, body: dict[str, Any], pointer: str) -> None:
    answer = ops.post("/event-types", body)
    assert answer.status == 422
    assert pointer in answer.pointers()
    assert not EventType.objects.exists()


def test_a_name_is_taken_once_per_owner(ops: Caller, alice: Tenant) -> None:
    assert ops.post("/event-types", {"name": "a.b"}).status == 201
    assert ops.post("/event-types", {"name": "a.b"}).status == 409
    assert ops.post("/customers/alice/event-types", {"name": "a.b"}).status == 201


def test_a_name_cannot_be_changed(ops: Caller) -> None:
    ops.post("/event-types", {"name": "a.b"})
    assert ops.patch("/event-types/a.b", {"name": "a.c"}).pointers() == ["/name"]


def test_a_customer_sees_the_operators_types_and_its_own(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    ops.post("/event-types", {"name": "common"})
    alice.caller.post("/customers/alice/event-types", {"name": "alices"})
    names = {row["name"] for row in alice.caller.get("/event-types").json["results"]}
    assert names == {"common", "alices"}
    assert {row["name"] for row in bob.caller.get("/event-types").json["results"]} == {"common"}
    assert {row["name"] for row in ops.get("/event-types").json["results"]} == {"common"}
    assert [row["name"] for row in ops.get("/customers/alice/event-types").json["results"]] == ["alices"]


def test_a_customer_changes_its_own_types_only(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    ops.post("/event-types", {"name": "common"})
    alice.caller.post("/customers/alice/event-types", {"name": "alices"})
    assert alice.caller.patch("/event-types/common", {"archived": True}).status == 403
    assert alice.caller.delete("/event-types/common").status == 403
    assert alice.caller.patch("/customers/alice/event-types/common", {"archived": True}).status == 404
    assert alice.caller.patch("/customers/alice/event-types/alices", {"archived": True}).status == 200
    assert bob.caller.patch("/customers/alice/event-types/alices", {"archived": False}).status == 404
    assert alice.caller.delete("/customers/alice/event-types/alices").status == 204


def test_a_schema_that_breaks_receivers_is_refused_unless_forced(ops: Caller) -> None:
    ops.post("/event-types", {"name": "a.b", "schema": MONEY})
    narrower = {"type": "object", "properties": {"amount": {"type": "string"}}}
    answer = ops.patch("/event-types/a.b", {"schema": narrower})
    assert answer.status == 409
    assert "data.amount" in answer.json["detail"]
    assert ops.patch("/event-types/a.b?force=true", {"schema": narrower}).status == 200


@pytest.mark.parametrize(
    ("new", "breaks"),
    [
        (MONEY, 0),
        ({**MONEY, "properties": {**MONEY["properties"], "note": {"type": "string"}}}, 0),
        ({**MONEY, "required": []}, 1),
        ({**MONEY, "properties": {}}, 1),
        ({**MONEY, "properties": {"amount": {"type": ["integer", "null"]}}}, 1),
        ({**MONEY, "properties": {"amount": {}}}, 1),
        ({**MONEY, "properties": {"amount": True}}, 1),
        ({**MONEY, "properties": {"amount": False}}, 0),
        ({}, 3),
        (True, 3),
        (False, 0),
        (None, 0),
    ],
)
def test_what_breaks_a_reader_is_told(new: Any, breaks: int) -> None:
    assert len(breaking_changes(MONEY, new)) == breaks


@pytest.mark.parametrize("now", [{"type": "array"}, {"type": "array", "items": True}, {"type": "array", "items": {}}])
def test_what_a_list_holds_may_not_become_anything(now: object) -> None:
    """Given a list of texts, then a schema that no longer says so breaks who reads them."""
    texts = {"type": "array", "items": {"type": "string"}}
    assert breaking_changes(texts, now) == ["data[] was of type string and may now be anything"]
    assert breaking_changes(now, texts) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "(?=a)a"},
        {"pattern": r"(a)\1"},
        {"pattern": "("},
        {"pattern": "(a{1000}){1000}"},
        {"patternProperties": {"(": {}}},
        {"allOf": [{"$ref": "https://evil.example/x.json"}]},
        {"$id": "https://x.example/"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"$ref": "#"},
        {"$ref": "#/$defs/gone"},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$defs": {"a": {"$ref": "#/$defs/%61"}}, "$ref": "#/$defs/a"},
        {"$dynamicRef": "#x"},
        {"properties": {"a": {"items": {"$ref": "file:///etc/passwd"}}}},
        {
            "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}},
            "$ref": "#/$defs/d0",
        },
        {"description": "x" * 70_000},
    ],
)
def test_a_schema_that_could_hang_or_fetch_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidInput):
        check_schema(schema)


def test_a_deep_schema_is_refused() -> None:
    schema: Any = {}
    for _ in range(40):
        schema = {"items": schema}
    with pytest.raises(InvalidInput):
        check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        True,
        {},
        MONEY,
        {"pattern": r"^[A-Z]{3}-\d+$"},
        {"pattern": "^(EUR|USD)$"},
        {"patternProperties": {"^x-": {"type": "string"}}},
        {"uniqueItems": True},
        {"properties": {"pattern": {"type": "string"}}},
        {"$defs": {"m": MONEY}, "properties": {"a": {"$ref": "#/$defs/m"}, "b": {"$ref": "#/$defs/m"}}},
        {"const": {"$ref": "https://only.data/"}},
    ],
)
def test_an_ordinary_schema_is_kept(schema: Any) -> None:
    assert check_schema(schema) == schema


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("Page<Item>", "Page%3CItem%3E"),
        ("line item", "line%20item"),
        ("a/b", "a~1b"),
        ("a~b", "a~0b"),
        ("größe", "gr%C3%B6%C3%9Fe"),
    ],
)
def test_a_part_of_any_name_can_be_referred_to(name: str, reference: str) -> None:
    """Given a schema as programs write it from types, then it is taken, held to, described and shown."""
    part = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    schema = {"type": "object", "$defs": {name: part}, "properties": {"a": {"$ref": f"#/$defs/{reference}"}}}
    (violation,) = violations(compiled(check_schema(schema)), {"a": {"sum": "x"}})
    assert violation.pointer == "/a/sum"
    described = hoist(schema, name="Paid", names=ComponentNames(["Paid"]))
    referred = described["Paid"]["properties"]["a"]["$ref"].rpartition("/")[2]  # type: ignore[index]
    assert described[referred]["properties"] == part["properties"]
    assert "a.sum" in {line.path for line in members_of(schema)}


def test_violations_say_where_and_what() -> None:
    assert violations(compiled(MONEY), {"amount": 5}) == []
    (violation,) = violations(compiled(MONEY), {"amount": "x"})
    assert violation.pointer == "/amount"
    assert "integer" in violation.detail
