"""The description of the API: complete, valid, live, and kept to."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import URLPattern

from deliveries.api.urls import api
from deliveries.protocol.operational import OPERATIONAL
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


def test_all_references_lead_somewhere(document: Any) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [each for inner in value.values() for each in references(inner)]
        return [each for inner in value for each in references(inner)] if isinstance(value, list) else []

    found = references(document["paths"])
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_webhooks_are_the_live_event_types(ops: Caller, alice: Tenant) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}}
    ops.post("/event-types", {"name": "invoice.paid", "schema": schema, "example": {"amount": 1}})
    ops.post("/customers/alice/event-types", {"name": "alices.own"})
    webhooks = ops.get("/openapi.json").json["webhooks"]
    assert set(webhooks) == {"invoice.paid", *OPERATIONAL}
    media = webhooks["invoice.paid"]["post"]["requestBody"]["content"]["application/json"]
    assert media["schema"]["properties"]["data"]["properties"] == schema["properties"]
    assert media["example"]["data"] == {"amount": 1}
    ops.patch("/event-types/invoice.paid", {"archived": True})
    assert ops.get("/openapi.json").json["webhooks"].keys() == OPERATIONAL.keys()


def test_the_page_loads_nothing_from_elsewhere(nobody: Caller) -> None:
    page = nobody.get("/docs")
    assert page.status == 200
    assert b"http://" not in page.raw
    assert b"https://" not in page.raw
    assert "default-src 'none'" in page.headers["content-security-policy"]
