"""Callers of the API: the operator's service, and two customers who must never see each other.

What lives here: keys and clients. A client raises nothing: a mistake of ours is an answer 500, as for
a real caller.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

if TYPE_CHECKING:  # this file is read before Django is set up
    from deliveries.models import Customer, Endpoint

ALL_SCOPES = ["events:write", "deliveries:redeliver", "deliveries:poll", "read", "manage"]


@pytest.fixture(autouse=True)
def no_filter_is_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is: no statement is cut off, no turn ends early, and who is dear does not rest."""
    for limit, seconds in (("PART_SECONDS", 60.0), ("TURN_SECONDS", 60.0), ("DEAR_SECONDS", 60.0)):
        monkeypatch.setattr(f"deliveries.services.accepting.filter_judge.{limit}", seconds)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.raw)

    def pointers(self) -> list[str]:
        """What a problem points to."""
        return [each["pointer"] for each in self.json.get("errors", [])]


class Caller:
    """A program with a key; no answer that it gets is beyond the description of the API."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=True)

    def send(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        """Send one request; a path without /api or /portal gets the base in front."""
        from tests.api.described import refuse_undescribed, refuse_undescribed_body

        full = path if path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "http")) else f"/api/v1{path}"
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            named.setdefault("Authorization", f"Bearer {self.key}")
        kind = named.pop("Content-Type", "application/json" if data else "")
        options: dict[str, Any] = {"data": data, "content_type": kind} if data or kind else {}
        answer = self.client.generic(method, full.removeprefix("http://testserver"), headers=named, **options)
        told = {name.lower(): value for name, value in answer.headers.items()}
        if method != "GET" or not data:
            refuse_undescribed(method, full, answer.status_code, told, answer.getvalue())
        if data and answer.status_code < 300:
            refuse_undescribed_body(method, full, data)
        return Answer(answer.status_code, told, answer.getvalue())

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """POST."""
        return self.send("POST", path, body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> Answer:
        """PATCH."""
        return self.send("PATCH", path, body, **options)

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.send("DELETE", path)


@dataclass(frozen=True)
class Tenant:
    """A customer with an endpoint and a key of its own."""

    customer: Customer
    endpoint: Endpoint
    caller: Caller


@pytest.fixture
def ops(db: None) -> Caller:
    """A service key with all scopes."""
    return caller_with(*ALL_SCOPES)


@pytest.fixture
def nobody(db: None) -> Caller:
    """A caller without a key."""
    return Caller(None)


@pytest.fixture
def url(receiver_ports: list[int]) -> str:
    """A URL that endpoints may have."""
    return f"http://127.0.0.1:{receiver_ports[0]}/hook"


@pytest.fixture
def alice(db: None, url: str) -> Tenant:
    """A customer."""
    return make_tenant("alice", url)


@pytest.fixture
def bob(db: None, url: str) -> Tenant:
    """Another customer."""
    return make_tenant("bob", url)


def caller_with(*scopes: str, customer: Customer | None = None, name: str = "ops") -> Caller:
    """Make a key with these scopes."""
    from deliveries.services.people.api_keys import create_api_key

    return Caller(create_api_key(name, scopes, customer=customer, actor="system")[1])


def make_tenant(uid: str, url: str) -> Tenant:
    """Make a customer with an endpoint and a key."""
    from deliveries.models import Customer
    from deliveries.services.endpoints import create_endpoint

    customer = Customer.objects.create(name=uid.title(), uid=uid)
    endpoint, _ = create_endpoint(customer, {"url": url, "uid": "main"}, actor="system")
    return Tenant(customer, endpoint, caller_with(*ALL_SCOPES, customer=customer, name=uid))
