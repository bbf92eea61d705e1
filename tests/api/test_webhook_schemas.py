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
    assert one(schema) == made
