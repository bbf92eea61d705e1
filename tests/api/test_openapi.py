"""The description of the API: complete, valid, live, and kept to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern
from drf_spectacular.drainage import GENERATOR_STATS
from jsonschema_rs import Draft202012Validator

from clients.generate import SHAPES, mark_of
from deliveries.api.openapi import description
from deliveries.api.urls import api
from deliveries.protocol.events.operational import OPERATIONAL
from tests.api.conftest import Caller, Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(nobody: Caller) -> Any:
    return nobody.get("/openapi.json").json


def test_every_path_and_method_is_described(document: Any) -> None:
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    built = set()
    for pattern in api:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "view_class", None)
        path = "/api/v1/" + str(pattern.pattern).replace("<str:", "{").replace(">", "}")
        built |= {(path, m) for m in ("GET", "POST", "PATCH", "DELETE") if view and hasattr(view, m.lower())}
    assert described == built


def test_the_document_is_openapi_3_1_and_each_operation_has_a_name_of_its_own(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for item in document["paths"].values():
        for operation in item.values():
            assert {"401", "403"} <= operation["responses"].keys()


def parts_of(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document with its place; examples are data and are left out."""
    if isinstance(value, dict):
        yield path, value
        for key, below in value.items():
            if key not in ("example", "examples", "default", "enum"):
                yield from parts_of(below, f"{path}/{key}")
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from parts_of(below, f"{path}/{place}")


def operations_of(document: Any) -> list[Any]:
    return [operation for item in document["paths"].values() for operation in item.values()]


def test_the_description_is_made_without_a_warning() -> None:
    description.cache_clear()
    with GENERATOR_STATS.silence():
        description()
    assert not GENERATOR_STATS


def test_the_typescript_client_was_made_of_this_description() -> None:
    first_line = SHAPES.read_text().splitlines(keepends=True)[0]
    assert first_line == mark_of(description()), "run `make clients` and commit clients/typescript/src/schema.ts"


def test_all_references_lead_somewhere(document: Any) -> None:
    found = [part["$ref"] for _, part in parts_of(document) if isinstance(part.get("$ref"), str)]
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_operation_says_what_it_does_under_the_tag_of_its_noun(document: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for operation in operations_of(document):
        name = operation["operationId"]
        assert re.fullmatch("[a-z]+(_[a-z]+)*", name), f"{name} is no name of a method"
        assert 3 < len(operation["summary"]) < 100, name
        assert not operation["summary"].endswith("."), name
        assert len(operation["tags"]) == 1, name
        assert set(operation["tags"]) <= tags, name
        assert all(answer["description"] for answer in operation["responses"].values()), name
    assert {tag for operation in operations_of(document) for tag in operation["tags"]} | {"webhooks"} == tags


def test_every_body_and_every_parameter_has_an_example_that_fits_its_schema(document: Any) -> None:
    for operation in operations_of(document):
        name = operation["operationId"]
        examples = [(each["schema"], each["example"]) for each in operation.get("parameters", [])]
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        media = [each for body in bodies for each in body.get("content", {}).values()]
        examples += [(each["schema"], each["example"]) for each in media]
        assert examples, name
        for schema, example in examples:
            validator = Draft202012Validator({**schema, "components": document["components"]})
            assert [error.message for error in validator.iter_errors(example)] == [], f"{name}: {example}"


def test_what_is_always_there_is_required_in_answers(document: Any) -> None:
    schemas = document["components"]["schemas"]
    optional = {
        name: sorted(schema["properties"].keys() - set(schema.get("required", ())))
        for name, schema in schemas.items()
        if "properties" in schema and not name.endswith(("Request", "EventData"))
    }
    assert {name: members for name, members in optional.items() if members} == {
        "Accepted": ["warnings"],
        "Auth": ["audience", "client_auth", "client_id", "scope", "token_url", "username"],
        "BatchResult": ["deliveries", "error", "id", "warnings"],
        "Count": ["at_least"],
        "Problem": ["errors", "figure", "limit", "owner"],
        "Waiting": ["until"],
    }


def test_generators_find_nothing_that_they_drop(document: Any) -> None:
    """Given arrays without items, schemas that are `true`, or `$defs`, then generators leave operations out."""
    for place, part in parts_of({key: document[key] for key in ("paths", "webhooks", "components")}):
        kinds = part.get("type")
        if kinds == "array" or (isinstance(kinds, list) and "array" in kinds):
            assert "items" in part, place
        assert not isinstance(kinds, list) or (len(kinds) == 2 and kinds[1] == "null"), place
        assert not {"$defs", "$id", "definitions", "x-any-json"} & part.keys(), place


def test_the_server_is_the_one_that_is_asked(nobody: Caller) -> None:
    assert nobody.get("/openapi.json").json["servers"] == [{"url": "http://testserver"}]


def test_webhooks_are_the_live_event_types(ops: Caller, alice: Tenant) -> None:
    schema = {
        "$defs": {"line": {"type": "object", "properties": {"amount": {"type": "integer"}}}},
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    }
    ops.post("/event-types", {"name": "invoice.paid", "schema": schema, "example": {"lines": []}})
    ops.post("/event-types", {"name": "invoice_paid", "schema": schema})
    ops.post("/customers/alice/event-types", {"name": "alices.own"})
    document = ops.get("/openapi.json").json
    assert set(document["webhooks"]) == {"invoice.paid", "invoice_paid", *OPERATIONAL}
    operations = [each["post"] for each in document["webhooks"].values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    media = document["webhooks"]["invoice.paid"]["post"]["requestBody"]["content"]["application/json"]
    assert media["example"]["data"] == {"lines": []}
    schemas = document["components"]["schemas"]
    assert media["schema"] == {"$ref": "#/components/schemas/InvoicePaidEvent"}
    assert schemas["InvoicePaidEvent"]["properties"]["data"] == {"$ref": "#/components/schemas/InvoicePaidEventData"}
    lines = schemas["InvoicePaidEventData"]["properties"]["lines"]
    assert lines["items"] == {"$ref": "#/components/schemas/InvoicePaidEventDataLine"}
    assert "InvoicePaidEvent2DataLine" in schemas
    test_all_references_lead_somewhere(document)
    test_generators_find_nothing_that_they_drop(document)
    ops.patch("/event-types/invoice.paid", {"archived": True})
    ops.patch("/event-types/invoice_paid", {"archived": True})
    later = ops.get("/openapi.json").json
    assert later["webhooks"].keys() == OPERATIONAL.keys()
    assert "InvoicePaidEvent" not in later["components"]["schemas"]


def test_the_page_loads_nothing_from_elsewhere(nobody: Caller) -> None:
    page = nobody.get("/docs")
    assert page.status == 200
    assert b"http://" not in page.raw
    assert b"https://" not in page.raw
    assert "default-src 'none'" in page.headers["content-security-policy"]
