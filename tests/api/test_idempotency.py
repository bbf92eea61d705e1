"""Idempotency-Key: whose it is, what it ends with, and where it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deliveries.errors import InvalidInput
from deliveries.models import Customer, Event, IdempotencyKey
from deliveries.services.accepting import scheduling
from deliveries.services.catalogue import validation
from deliveries.services.customers import delete_customer
from tests.api.conftest import ALL_SCOPES, Caller, Tenant, caller_with, make_tenant

EVENT: dict[str, Any] = {"customer": "alice", "type": "invoice.paid", "data": {"n": 1}}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Forget other tests' types, which are rolled back and not deleted."""
    validation.forget_rules()
    yield
    validation.forget_rules()


def test_a_key_is_the_customers_whichever_api_key_it_comes_with(alice: Tenant) -> None:
    other = caller_with(*ALL_SCOPES, customer=alice.customer, name="rotated")
    first = alice.caller.post("/events", EVENT, Idempotency_Key="k")
    assert (first.status, other.post("/events", EVENT, Idempotency_Key="k").json) == (202, first.json)
    assert Event.objects.count() == 1


def test_a_key_of_a_service_is_the_installations_whichever_api_key_it_comes_with(ops: Caller, alice: Tenant) -> None:
    first = ops.post("/events", EVENT, Idempotency_Key="k")
    assert caller_with("events:write", name="rotated").post("/events", EVENT, Idempotency_Key="k").json == first.json
    assert Event.objects.count() == 1


@pytest.mark.parametrize("key", ["commande-à-12", "注文-12", "заказ-12"])
def test_a_key_in_any_script_is_a_key(alice: Tenant, key: str) -> None:
    """Given a key in UTF-8, which a server hands on byte by byte as Latin-1, then its characters are the caller's."""
    sent = key.encode().decode("latin-1")
    first, again = (alice.caller.post("/events", EVENT, Idempotency_Key=sent) for _ in range(2))
    assert (first.status, again.json) == (202, first.json)
    assert IdempotencyKey.objects.get().key == key


def test_two_customers_never_meet_in_one_key(alice: Tenant, bob: Tenant) -> None:
    first = alice.caller.post("/events", EVENT, Idempotency_Key="k")
    second = bob.caller.post("/events", EVENT | {"customer": "bob"}, Idempotency_Key="k")
    assert (first.status, second.status) == (202, 202)
    assert first.json["id"] != second.json["id"]


@pytest.mark.parametrize("by_service", [True, False])
def test_a_key_ends_with_its_customer(ops: Caller, alice: Tenant, url: str, by_service: bool) -> None:
    first = (ops if by_service else alice.caller).post("/events", EVENT, Idempotency_Key="k")
    delete_customer(Customer.objects.get(uid="alice"), actor="system")
    again = make_tenant("alice", url)
    second = (ops if by_service else again.caller).post("/events", EVENT, Idempotency_Key="k")
    assert (second.status, second.json["deliveries"]) == (202, 1)
    assert second.json["id"] != first.json["id"]
    assert Event.objects.filter(customer=again.customer).count() == 1


def test_a_batch_that_comes_again_has_the_same_answers(ops: Caller, alice: Tenant) -> None:
    batch = {"events": [EVENT, EVENT | {"data": {"n": 2}}]}
    first = ops.post("/events/batch", batch, Idempotency_Key="order")
    assert ops.post("/events/batch", batch, Idempotency_Key="order").json == first.json
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    "other",
    [
        {"events": [EVENT, EVENT | {"data": {"n": 2}}]},
        {"events": [EVENT | {"data": {"n": 2}}]},
        {"events": [EVENT], "atomic": True},
        {"events": [{"customer": "nobody"}, EVENT]},
    ],
)
def test_another_batch_with_the_key_of_one_is_refused_whole(ops: Caller, alice: Tenant, other: Any) -> None:
    assert ops.post("/events/batch", {"events": [EVENT]}, Idempotency_Key="order").status == 202
    answer = ops.post("/events/batch", other, Idempotency_Key="order")
    assert (answer.status, answer.json["type"]) == (422, "urn:hookpost:problem:idempotency-key-reused")
    assert Event.objects.count() == 1


def test_another_batch_is_refused_also_where_the_first_had_a_refused_event(ops: Caller, alice: Tenant) -> None:
    first = {"events": [EVENT | {"customer": "nobody"}, EVENT]}
    assert [set(each) for each in ops.post("/events/batch", first, Idempotency_Key="order").json["results"]] == [
        {"error"},
        {"id", "deliveries"},
    ]
    assert ops.post("/events/batch", {"events": [EVENT]}, Idempotency_Key="order").status == 422
    assert Event.objects.count() == 1


def the_time_passes(monkeypatch: pytest.MonkeyPatch, ops: Caller) -> None:
    monkeypatch.setattr(scheduling, "PASSED", -timedelta(hours=2))


def the_type_is_archived(monkeypatch: pytest.MonkeyPatch, ops: Caller) -> None:
    ops.post("/event-types", {"name": "invoice.paid"})
    ops.patch("/event-types/invoice.paid", {"archived": True})


def the_schema_changes(monkeypatch: pytest.MonkeyPatch, ops: Caller) -> None:
    ops.post("/event-types", {"name": "invoice.paid", "schema": {"required": ["total"]}, "validation": "reject"})
    validation.forget_rules()


def bodies_may_be_smaller(monkeypatch: pytest.MonkeyPatch, ops: Caller) -> None:
    monkeypatch.setattr("deliveries.services.accepting.event_entries.refuse_large", refuse_all)


def refuse_all(content: bytes) -> bytes:
    raise InvalidInput("the event is too large", field="data")


@pytest.mark.parametrize("path", ["/events", "/events/batch", "/events/batch?atomic"])
@pytest.mark.parametrize("happens", [the_time_passes, the_type_is_archived, the_schema_changes, bodies_may_be_smaller])
def test_an_event_that_comes_again_keeps_its_answer_whatever_would_be_said_of_a_new_one(
    happens: Callable[[pytest.MonkeyPatch, Caller], None],
    path: str,
    ops: Caller,
    alice: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given an answer that was lost, and something that happened before the caller tried again."""
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    event = EVENT | ({"deliver_at": later} if happens is the_time_passes else {})
    path, _, atomic = path.partition("?")
    body = {"events": [event], "atomic": bool(atomic)} if path.endswith("batch") else event
    first = ops.post(path, body, Idempotency_Key="order")
    happens(monkeypatch, ops)
    again, other = ops.post(path, body, Idempotency_Key="order"), ops.post(path, body, Idempotency_Key="another")
    assert (first.status, again.status, again.json) == (202, 202, first.json)
    assert other.status == 422 or "error" in other.json["results"][0]
    assert Event.objects.count() == 1


def test_the_answer_of_a_customer_that_is_no_more_is_nobodys(
    ops: Caller, alice: Tenant, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ops.post("/events", EVENT, Idempotency_Key="k").status == 202
    delete_customer(Customer.objects.get(uid="alice"), actor="system")
    make_tenant("alice", url)
    the_schema_changes(monkeypatch, ops)
    assert ops.post("/events", EVENT, Idempotency_Key="k").status == 422


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ('"k 1"', "k 1"),
        (r'"a\"b\\"', 'a"b\\'),
        ('"open', '"open'),
        ('"a"b"', '"a"b"'),
        (r'"a\b"', r'"a\b"'),
        ("k;p=1", "k;p=1"),
    ],
)
def test_a_key_in_quotes_is_the_key_that_stands_in_them(alice: Tenant, sent: str, means: str) -> None:
    """Source: draft-ietf-httpapi-idempotency-key-header, 2.1. What is no String of Structured Fields is as it is."""
    first = alice.caller.post("/events", EVENT, Idempotency_Key=sent)
    assert (first.status, IdempotencyKey.objects.get().key) == (202, means)
    assert alice.caller.post("/events", EVENT, Idempotency_Key=sent).json == first.json


def test_a_key_is_the_same_in_quotes_and_without(ops: Caller, alice: Tenant) -> None:
    first = ops.post("/events/batch", {"events": [EVENT]}, Idempotency_Key="order")
    assert ops.post("/events/batch", {"events": [EVENT]}, Idempotency_Key='"order"').json == first.json
    assert ops.post("/events", EVENT, Idempotency_Key='""').status == 422


def test_the_key_of_a_batch_is_no_other_callers_key(ops: Caller, alice: Tenant) -> None:
    ops.post("/events/batch", {"events": [EVENT]}, Idempotency_Key="order")
    assert ops.post("/events", EVENT | {"data": {"n": 7}}, Idempotency_Key="order:0").status == 202


def test_the_same_key_twice_in_one_statement_is_one_event(ops: Caller, alice: Tenant) -> None:
    from deliveries.services.accepting.events import INSTALLATION, Accepted, EventDraft, accept_events

    draft = EventDraft(
        type="a", data=b"{}", customer_uid="alice", idempotency_key="k", owner_id=INSTALLATION, fingerprint=b"f"
    )
    one, two = accept_events([draft, draft])
    assert isinstance(one, Accepted)
    assert isinstance(two, Accepted)
    assert one.event_id == two.event_id
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "/customers",
        "/event-types",
        "/customers/alice/endpoints",
        "/customers/alice/endpoints/main/pause",
        "/customers/alice/endpoints/main/test",
        "/customers/alice/endpoints/main/rotate-secret",
        "/customers/alice/endpoints/main/replay",
        "/customers/alice/portal-link",
        "/deliveries/redeliver",
    ],
)
def test_every_other_post_refuses_a_key_rather_than_ignore_it(ops: Caller, alice: Tenant, path: str) -> None:
    answer = ops.post(path, {}, Idempotency_Key="k")
    assert answer.status == 400
    assert "Idempotency-Key" in answer.json["detail"]
