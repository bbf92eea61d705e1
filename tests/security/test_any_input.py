"""No input of a caller is answered with a 500: paths, queries, headers, bodies, every field of every body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deliveries.api import auth
from deliveries.models import ApiKey, Customer, Job
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.people.api_keys import create_api_key, find_api_key
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.jobs import start_job
from tests.api.logs import log_attempt, log_delivery
from tests.api.test_tenants import PARAMETER, routes
from tests.security.hostile_input import BODIES, HEADERS, JSON_VALUES, REST, SEGMENTS, VALUES
from tests.security.raw import Raw, call, one_transaction
from tests.security.steps import an_endpoint

pytestmark = pytest.mark.django_db

ALL_ROUTES = routes()


@pytest.fixture(autouse=True)
def transaction_stays_open() -> Iterator[None]:
    """One transaction for the whole test."""
    with one_transaction():
        yield


@pytest.fixture
def real() -> dict[str, str]:
    """What a path's parameters may name."""
    endpoint, _ = an_endpoint()
    Customer.objects.update(uid="alice")
    delivery = log_delivery(endpoint, state="exhausted")
    log_attempt(delivery)
    chosen = Selection(customer_id=endpoint.customer_id)
    job = start_job(Job.Kind.REDELIVER, chosen, customer=endpoint.customer, actor="key:alice")
    create_event_type({"name": "invoice.paid"}, actor="user:root")
    create_event_type({"name": "invoice.paid"}, customer=endpoint.customer, actor="user:root")
    return {
        "customer": "alice",
        "endpoint": endpoint.public_id,
        "event": delivery.event.public_id,
        "delivery": delivery.public_id,
        "job": job.public_id,
        "name": "invoice.paid",
        "version": "2026-11-28",
    }


@pytest.fixture
def bearer(real: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The header of a key that may do everything, and is asked for once: that would take half of all the time."""
    key = create_api_key("any", list(ApiKey.Scope.values), actor="system")[1]
    found, find = find_api_key(key), auth.find_api_key
    monkeypatch.setattr(auth, "find_api_key", lambda text: found if text == key else find(text))
    return {"authorization": f"Bearer {key}"}


def assert_answered(raw: Raw, *what: object) -> None:
    """Fail on a 500, and on a refusal that is not a problem in the API's form."""
    assert raw.status < 500, (*what, raw.body[:300])
    assert "\n" not in "".join(raw.headers.values()), what
    if raw.status >= 400 and raw.status != 404:
        assert raw.kind == "application/problem+json", (*what, raw.kind)


def path_of(route: str, real: dict[str, str]) -> str:
    """A route of the API with real names in it."""
    return "/api/v1/" + PARAMETER.sub(lambda match: real[match[1]], route).removeprefix("api/v1/")


@pytest.mark.parametrize("route", sorted({route for route, _ in ALL_ROUTES}))
def test_any_path_segment_is_answered(route: str, real: dict[str, str], bearer: dict[str, str]) -> None:
    methods = [method for each, method in ALL_ROUTES if each == route]
    for name in PARAMETER.findall(route):
        for segment in SEGMENTS:
            for method in methods:
                path = path_of(route, real | {name: segment})
                answer = call(method, path, headers=bearer, body=b"{}" if method != "GET" else b"")
                assert_answered(answer, method, path)


def document(bearer: dict[str, str]) -> dict[str, Any]:
    """The description of the API."""
    return dict(json.loads(call("GET", "/api/v1/openapi.json", headers=bearer).body))


def operations(described: dict[str, Any], real: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path with real names, and description of each operation."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.format(**real), operation


def test_any_query_is_answered(real: dict[str, str], bearer: dict[str, str]) -> None:
    tried = 0
    for method, path, operation in operations(document(bearer), real):
        names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
        for name in [*names, "unknown", "cursor", "limit", "format"] if method == "GET" else []:
            for value in VALUES:
                query = f"{name}={value}"
                assert_answered(call("GET", path, query=query, headers=bearer), path, query)
                tried += 1
    assert tried > 1000


def test_any_raw_body_is_answered(real: dict[str, str], bearer: dict[str, str]) -> None:
    for method, path, _operation in operations(document(bearer), real):
        for body in BODIES:
            for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                if method != "DELETE":
                    answer = call(method, path, headers=bearer | {"content-type": kind}, body=body)
                    assert_answered(answer, method, path, body[:40], kind)


def resolved(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """A schema that is a reference, followed."""
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_any_value_of_any_field_is_answered(real: dict[str, str], bearer: dict[str, str]) -> None:
    tried = 0
    described = document(bearer)
    for method, path, operation in operations(described, real):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        fields = resolved(content.get("schema", {}), described).get("properties", {})
        for name in fields:
            for value in JSON_VALUES:
                raw = json.dumps({name: value} if method == "PATCH" else {**REST, name: value}).encode()
                assert_answered(call(method, path, headers=bearer, body=raw), method, path, name, raw[:80])
                tried += 1
    assert tried > 1000


@pytest.mark.parametrize("name", HEADERS)
def test_any_header_is_answered(name: str, real: dict[str, str], bearer: dict[str, str]) -> None:
    for value in HEADERS[name]:
        for method, path, body in [
            ("GET", "/api/v1/customers/alice/events", b""),
            ("GET", "/api/v1/nowhere", b""),
            ("POST", "/api/v1/events", b'{"customer":"alice","type":"a.b","data":{}}'),
            ("POST", "/api/v1/events/batch", b'{"events":[]}'),
            ("PATCH", "/api/v1/customers/alice", b'{"name":"x"}'),
            ("GET", "/admin/login/", b""),
            ("POST", "/admin/login/", b"username=a&password=b"),
            ("GET", "/portal/", b""),
            ("GET", "/healthz", b""),
            ("GET", "/metrics", b""),
            ("GET", "/static/hookpost/x", b""),
        ]:
            raw = call(method, path, headers=bearer | {name: value}, body=body)
            assert raw.status < 500, (method, path, name, value[:40], raw.body[:300])
            assert "evil.example" not in raw.headers.get("location", ""), (path, name, value)
