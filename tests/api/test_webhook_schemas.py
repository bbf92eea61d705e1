"""Event types' schemas as components: whatever JSON Schema allows, what comes out is what generators take."""

from __future__ import annotations

from typing import Any

import pytest

from deliveries.api.webhook_schemas import ComponentNames, hoist, method_like

LINE = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


def hoisted(schema: Any, **taken: Any) -> dict[str, Any]:
    return hoist(schema, name="PaidData", names=ComponentNames(["PaidData", *taken]))


def one(schema: Any) -> Any:
    """What becomes of a schema without parts of its own."""
    ((_, made),) = hoisted(schema).items()
    return made


def test_defs_become_components_with_names_of_their_own() -> None:
    schema = {"$defs": {"line": LINE}, "type": "array", "items": {"$ref": "#/$defs/line"}}
    assert hoisted(schema) == {
        "PaidData": {"type": "array", "items": {"$ref": "#/components/schemas/PaidDataLine"}},
        "PaidDataLine": {**LINE, "additionalProperties": True},
    }


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    """Given generators that fold case and signs, then no two names differ by these alone."""
    names = ComponentNames(["Customer"])
    assert [names.fresh("invoice.paid"), names.fresh("invoice_paid"), names.fresh("invoicepaid")] == [
        "InvoicePaid",
        "InvoicePaid2",
        "Invoicepaid3",
    ]
    assert names.fresh("customer") == "Customer2"
    assert method_like("HookpostTestEvent") == "hookpost_test_event"


def test_parts_may_refer_to_each_other_and_old_definitions_count_too() -> None:
    schema = {
        "definitions": {"a": {"$ref": "#/$defs/b"}},
        "$defs": {"b": {"type": "string"}},
        "$ref": "#/definitions/a",
    }
    assert hoisted(schema) == {
        "PaidData": {"$ref": "#/components/schemas/PaidDataA"},
        "PaidDataA": {"$ref": "#/components/schemas/PaidDataB"},
        "PaidDataB": {"type": "string"},
    }


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (True, {}),
        (False, {"not": {}}),
        ({}, {}),
        ({"$ref": "#/nowhere"}, {}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"type": ["string", "null"], "maxLength": 3}, {"type": ["string", "null"], "maxLength": 3}),
        (
            {"type": ["array", "string"], "maxLength": 3},
            {"anyOf": [{"type": "array", "items": {}}, {"type": "string", "maxLength": 3}]},
        ),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"const": {"a": 1}}, {}),
        ({"enum": ["a", None]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": ["a", 1]}, {}),
        ({"enum": ["a-b", "a_b"]}, {"type": "string"}),
        ({"enum": [1, 2]}, {"type": "integer"}),
        ({"type": "string", "title": "Line", "default": 7, "$comment": "x"}, {"type": "string", "description": "Line"}),
        ({"type": "integer", "if": {"minimum": 3}, "then": False}, {"type": "integer"}),
        ({"type": "null"}, {}),
        ({"type": "string", "pattern": "^[a-z0-9_-]+(?:\\.\\d{2,})*$"}, ...),
        ({"type": "string", "pattern": "^(?i)a"}, {"type": "string"}),
        ({"type": "string", "pattern": "\\p{L}|(?P<a>b)"}, {"type": "string"}),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": False}, {"type": "array", "items": {}}),
        ({"type": ["object", "string"]}, {"type": "object", "properties": {}, "additionalProperties": True}),
        (
            {
                "properties": {"a-b": True, "a_b": False, "日本": True, "__proto__": True},
                "required": ["日本"],
                "additionalProperties": False,
            },
            {"type": "object", "properties": {"a-b": {}}, "additionalProperties": True},
        ),
        ({"anyOf": [True, {"type": "null"}]}, {"anyOf": [{}, {"type": "null"}]}),
        (
            {"properties": {"a": True}, "required": ["a", "b"], "additionalProperties": {"type": "array"}},
            {
                "type": "object",
                "properties": {"a": {}},
                "required": ["a"],
                "additionalProperties": {"type": "array", "items": {}},
            },
        ),
    ],
)
def test_what_only_validators_understand_is_left_out(schema: Any, made: Any) -> None:
    assert one(schema) == (schema if made is ... else made)


def test_what_lies_deep_becomes_a_component_of_a_name_that_a_file_can_have() -> None:
    """Given generators that call a class, and its file, after the way to it, then no way is too long for a file."""
    schema: Any = {"enum": ["a", "b"]}
    for level in range(25):
        schema = {"type": "object", "properties": {f"customerBillingAddress{level}": schema, "x" * 300: {}}}
    names = ComponentNames(["PaidData"])
    name = names.fresh("y" * 128, "data")
    made = hoist(schema, name=name, names=names)
    ways = [way for name, each in made.items() for way in ways_in(each, name)]
    assert max(map(len, ways)) <= 160
    assert len({name.lower() for name in made}) == len(made) > 5


def ways_in(schema: Any, way: str) -> list[str]:
    """The ways to all that a generator makes a class of."""
    below = schema.get("properties", {})
    return [way, *(found for name, each in below.items() if "$ref" not in each for found in ways_in(each, way + name))]
