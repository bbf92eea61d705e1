"""Keys: who gets in, what a scope allows, and what ends at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from deliveries.api.auth import authenticate_text, known_key
from deliveries.models import ApiKey, Customer
from deliveries.services.people.api_keys import create_api_key, revoke_api_key
from tests.api.conftest import Caller, Tenant, caller_with


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer hk_short", "Basic aGs6", "Bearer  ", "hk_" + "a" * 43])
def test_without_a_key_there_is_a_401_with_a_challenge(nobody: Caller, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = nobody.get("/customers", **headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="hookpost"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == 401
    if header is None:  # whichever way the request goes
        said = [answer.json["detail"], nobody.post("/events", {}).json["detail"]]
        assert said == ["send the header Authorization: Bearer <key>"] * 2


def test_the_scheme_is_read_in_any_case(ops: Caller) -> None:
    assert Caller(None).get("/customers", Authorization=f"bearer {ops.key}").status == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("read", "GET", "/customers", 200),
        ("read", "POST", "/customers", 403),
        ("read", "POST", "/events", 403),
        ("read", "POST", "/deliveries/redeliver", 403),
        ("manage", "GET", "/customers", 200),
        ("manage", "POST", "/customers", 201),
        ("manage", "POST", "/deliveries/redeliver", 403),
        ("events:write", "GET", "/customers", 403),
        ("events:write", "GET", "/events", 403),
        ("deliveries:redeliver", "GET", "/deliveries", 403),
        ("deliveries:redeliver", "POST", "/deliveries/redeliver", 200),
    ],
)
def test_a_scope_opens_its_doors_and_no_others(db: None, scope: str, method: str, path: str, status: int) -> None:
    bodies = {"/customers": {"name": "X"}, "/deliveries/redeliver": {"state": "exhausted", "dry_run": True}}
    body = bodies.get(path) if method == "POST" else None
    answer = caller_with(scope).send(method, path, body)
    assert answer.status == status
    if status == 403:
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_revoked_key_ends_at_once(db: None) -> None:
    key, text = create_api_key("ci", ["read"], actor="system")
    assert Caller(text).get("/customers").status == 200
    revoke_api_key(key, actor="system")
    assert Caller(text).get("/customers").status == 401


def test_an_expired_key_is_refused(db: None) -> None:
    _, text = create_api_key("ci", ["read"], actor="system", expires_at=timezone.now() + timedelta(hours=1))
    ApiKey.objects.update(expires_at=timezone.now())
    assert Caller(text).get("/customers").status == 401


def test_a_use_is_noted(ops: Caller) -> None:
    ops.get("/customers")
    assert ApiKey.objects.get().last_used_at is not None


def test_facts_of_a_key_are_remembered_without_asking_again(db: None, django_assert_num_queries: object) -> None:
    customer = Customer.objects.create(name="Alice")
    key, text = create_api_key("ci", ["read", "manage"], customer=customer, actor="system")
    first = known_key(f"Bearer {text}")
    with django_assert_num_queries(0):  # type: ignore[operator]
        again = known_key(f"Bearer {text}")
    assert first == again
    assert (again.id, again.name, again.customer_id) == (key.id, "ci", customer.id)
    assert again.scopes == {"read", "manage"}


def test_an_unknown_key_is_not_remembered_as_known(db: None) -> None:
    with pytest.raises(AuthenticationFailed):
        known_key("Bearer hk_" + "x" * 43)
    with pytest.raises(AuthenticationFailed):
        authenticate_text("Bearer hk_" + "x" * 43)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/customers"),
        ("PATCH", "/customers/alice"),
        ("DELETE", "/customers/alice"),
        ("POST", "/event-types"),
        ("POST", "/customers/alice/portal-link"),
    ],
)
def test_a_customers_key_cannot_do_the_operators_work(alice: Tenant, method: str, path: str) -> None:
    assert alice.caller.send(method, path, {"name": "x.y"}).status == 403
    assert Customer.objects.count() == 1
