"""An event that comes alone is accepted by a small statement, which does what the one for many does, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from deliveries import sql
from deliveries.errors import HookpostError, InvalidEventType, KeyReused
from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, Event, EventType, IdempotencyKey, Lane
from deliveries.models.queue import FanOut
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.accepting import event_store
from deliveries.services.accepting.event_entries import entry_of
from deliveries.services.accepting.event_store import SHARED, Accepted, Entry, EventDraft, store_events
from deliveries.services.accepting.events import INSTALLATION
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.api_keys import create_api_key
from tests.engine.steps import an_endpoint
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

URL = "https://93.184.216.34/in"  # nobody is asked
LATER = datetime(2100, 1, 1, tzinfo=UTC)
Change = Callable[[Endpoint], dict[str, object]]  # makes something different, and says what its event has


def given(**fields: object) -> Change:
    """The event has these."""
    return lambda endpoint: fields


def endpoint_is(**fields: object) -> Change:
    """The endpoint is like this."""
    return lambda endpoint: {"_": Endpoint.objects.filter(pk=endpoint.pk).update(**fields)}


def beside(**fields: object) -> Change:
    """The customer has another endpoint, which is like this."""

    def change(endpoint: Endpoint) -> dict[str, object]:
        other, _ = create_endpoint(endpoint.customer, {"url": URL}, actor="user:alice")
        return endpoint_is(**fields)(other) if fields else {}

    return change


def customer_is(**fields: object) -> Change:
    """The customer is like this."""
    return lambda endpoint: {"_": Customer.objects.filter(pk=endpoint.customer_id).update(**fields)}


def named(uid: str, **also: object) -> Change:
    """The event names its customer by uid."""

    def change(endpoint: Endpoint) -> dict[str, object]:
        Customer.objects.filter(pk=endpoint.customer_id).update(uid=f"{endpoint.customer_id}")
        return {"customer_id": None, "customer_uid": uid or f"{endpoint.customer_id}"} | also

    return change


def typed(*, own: bool, emitted_by_itself: bool = False, **fields: object) -> Change:
    """The event's type is registered, by the customer itself or by the operator."""

    def change(endpoint: Endpoint) -> dict[str, object]:
        name = f"of.{endpoint.customer_id.hex}"
        EventType.objects.create(name=name, customer=endpoint.customer if own else None, **fields)
        return {"type": name} | ({"emitter_id": endpoint.customer_id} if emitted_by_itself else {})

    return change


def keyed(**fields: object) -> Change:
    """The event comes with an API key."""

    def change(endpoint: Endpoint) -> dict[str, object]:
        key, _ = create_api_key("emits", ["events:write"], actor="user:alice", customer=endpoint.customer)
        type(key).objects.filter(pk=key.pk).update(**fields)
        return {"api_key_id": key.id, "emitter_id": endpoint.customer_id}

    return change


def slow_beside(endpoint: Endpoint) -> dict[str, object]:
    """Of two endpoints one is slow."""
    Lane.objects.filter(endpoint=endpoint).update(slow=True)
    return beside()(endpoint)


def many(endpoint: Endpoint) -> dict[str, object]:
    """The customer has more endpoints than one statement serves."""
    for _ in range(3):
        beside()(endpoint)
    return {}


def being_fanned_out(endpoint: Endpoint) -> dict[str, object]:
    """An event of the customer is still fanned out, and the order matters."""
    FanOut.objects.create(event_id=uuid4(), customer_id=endpoint.customer_id, turn_at=timezone.now())
    return endpoint_is(ordered=True)(endpoint)


PLAIN = {
    "plain": given(),
    "by uid": named(""),
    "its type is wanted": endpoint_is(event_types=["invoice.*"]),
    "its type is not wanted": endpoint_is(event_types=["user.*"]),
    "operational": given(type="hookpost.test"),
    "operational and wanted": lambda e: endpoint_is(event_types=["hookpost.test"])(e) | {"type": "hookpost.test"},
    "its tag is wanted": lambda e: endpoint_is(tags=["eu"])(e) | {"tags": ("eu", "us")},
    "its tag is not wanted": lambda e: endpoint_is(tags=["eu"])(e) | {"tags": ("us",)},
    "without a tag where one is wanted": endpoint_is(tags=["eu"]),
    "paused": endpoint_is(state="paused"),
    "deleted": endpoint_is(deleted_at=LATER),
    "polled": endpoint_is(url=POLLED_URL),
    "two endpoints": beside(),
    "two endpoints, one paused": beside(state="paused"),
    "two endpoints, one slow": slow_beside,
    "its type is registered": typed(own=False),
    "its type is archived by a customer, a service emits": typed(own=True, archived=True),
    "with a living key": keyed(),
    "with a trace, tags and a version": given(trace_context="00-1-2-01", tags=("a", "b"), api_version="2026-01-01"),
}
NOT_PLAIN = {
    "a filter": endpoint_is(filter="$.data.number > 0"),
    "a filter that says no": endpoint_is(filter="$.data.number > 9"),
    "a filter beside": beside(filter="$.data.number > 9"),
    "ordered": endpoint_is(ordered=True),
    "ordered and draining": endpoint_is(ordered=True, draining=True),
    "ordered while another is fanned out": being_fanned_out,
    "many endpoints": many,
    "nobody": given(customer_id=uuid4()),
    "nobody by uid": named("nobody"),
    "moved": customer_is(moving=Customer.Moving.CLOSED),
    "another's key": lambda e: given(emitter_id=an_endpoint(URL).customer_id)(e),
    "its type is archived": typed(own=False, archived=True),
    "its type is archived by whoever emits": typed(own=True, emitted_by_itself=True, archived=True),
    "with a revoked key": keyed(revoked_at=datetime(2020, 1, 1, tzinfo=UTC)),
    "with a key that is over": keyed(expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
}
NEVER_TRIED = {
    "for later": lambda _: {"deliver_at": timezone.now() + timedelta(days=1)},
    "for everyone": given(customer_id=None, customer_uid=event_store.EVERYONE),
}
KEYED = {"idempotency_key": "k", "fingerprint": b"f"}
SMALL = {"without a key": ({}, "accept_event"), "with a key": (KEYED, "accept_keyed_event")}  # against repeating

with_and_without_key = pytest.mark.parametrize(("key", "small"), SMALL.values(), ids=SMALL)


@pytest.fixture(autouse=True)
def _none_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_store, "_not_plain", {})


def accept(change: Change, **key: object) -> tuple[Entry, Endpoint]:
    """Accept an event of a customer of its own; returns the customer's first endpoint too."""
    endpoint = an_endpoint(URL)
    fields = {"type": "invoice.paid", "data": b'{"number": 1}', "customer_id": endpoint.customer_id} | change(endpoint)
    fields.pop("_", None)
    return accept_draft(EventDraft(**{"owner_id": endpoint.customer_id} | fields | key)), endpoint  # type: ignore[arg-type]


def accept_draft(draft: EventDraft) -> Entry:
    """Accept an event of a customer that has few endpoints."""
    entry = entry_of(draft)
    store_events([entry], limits=replace(SHARED, endpoint_limit=3))
    return entry


def told(entry: Entry, endpoint: Endpoint) -> object:
    """What the caller hears, without ids."""
    result = entry.result
    if isinstance(result, HookpostError):
        return type(result), str(result).replace(entry.draft.type, "")
    assert isinstance(result, Accepted)
    assert result.event_id == entry.event_id
    return result.deliveries, result.pending, sorted((each == endpoint.id, slow) for each, slow in result.wake)


def stored(entry: Entry, endpoint: Endpoint) -> list[object]:
    """What is stored of the event, without ids and moments."""
    gone = {
        "id",
        "event_id",
        "endpoint_id",
        "customer_id",
        "created_at",
        "delivery_id",
        "type",
        "event_type",
        "turn_at",
    }
    gone |= {"body", "owner_id", "deliver_at", "next_attempt_at", "due_at"}
    kept: list[object] = [
        (
            key.key,
            bytes(key.fingerprint),
            key.deliveries,
            key.owner_id == entry.draft.owner_id,
            key.customer_id == endpoint.customer_id,
        )
        for key in IdempotencyKey.objects.filter(event_id=entry.event_id)
    ]
    for model, mine in ((Event, "id"), (Delivery, "event_id"), (DueDelivery, "event_id"), (FanOut, "event_id")):
        for row in model.objects.filter(**{mine: entry.event_id}).values():
            moments = {name: row[name] is None for name in ("next_attempt_at", "due_at", "deliver_at") if name in row}
            right = [row.get("customer_id", endpoint.customer_id) == endpoint.customer_id]
            right += [row.get("type", row.get("event_type", entry.draft.type)) == entry.draft.type]
            right += [bytes(row.get("body", entry.body)) == entry.body, row.get("endpoint_id") == endpoint.id]
            kept.append((model, {name: row[name] for name in row.keys() - gone}, moments, right))
    return sorted(kept, key=repr)


def seen_both_ways(change: Change, monkeypatch: pytest.MonkeyPatch, **key: object) -> list[list[object]]:
    """What is told and stored of an event that comes alone, and of one that is accepted as among many."""
    seen = []
    for tried in (True, False):
        if not tried:
            monkeypatch.setattr(event_store, "_is_plain", lambda entry: False)
        entry, endpoint = accept(change, **key)
        seen.append([told(entry, endpoint), stored(entry, endpoint)])
    return seen


@with_and_without_key
@pytest.mark.parametrize("change", (PLAIN | NOT_PLAIN | NEVER_TRIED).values(), ids=PLAIN | NOT_PLAIN | NEVER_TRIED)
def test_an_event_is_accepted_as_among_many(
    change: Change, key: dict[str, object], small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, among_many = seen_both_ways(change, monkeypatch, **key)
    assert alone == among_many


def asked_by(change: Change, monkeypatch: pytest.MonkeyPatch, **key: object) -> list[str]:
    """The statements that accepted an event."""
    asked: list[str] = []
    fetch = sql._fetch
    monkeypatch.setattr(sql, "_fetch", lambda row, *rest: (asked.append(sql.name_of(row)), fetch(row, *rest))[1])
    accept(change, **key)
    return [name for name in asked if name.startswith("accept")]


@with_and_without_key
@pytest.mark.parametrize("change", PLAIN.values(), ids=PLAIN)
def test_a_plain_event_takes_the_small_statement_alone(
    change: Change, key: dict[str, object], small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_by(change, monkeypatch, **key) == [small]


@with_and_without_key
@pytest.mark.parametrize("change", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_the_small_statement_does_not_do_the_large_one_does(
    change: Change, key: dict[str, object], small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_by(change, monkeypatch, **key) == [small, "accept_events"]


@with_and_without_key
@pytest.mark.parametrize("change", NEVER_TRIED.values(), ids=NEVER_TRIED)
def test_what_is_known_to_be_no_plain_event_is_not_tried(
    change: Change, key: dict[str, object], small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_by(change, monkeypatch, **key) == ["accept_events"]


@pytest.mark.parametrize(("body", "answer"), [(b"f", Accepted), (b"g", KeyReused)])
def test_a_known_key_stores_nothing_and_keeps_its_customer_a_plain_one(
    body: bytes, answer: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, endpoint = accept(given(), **KEYED)
    again = accept_draft(replace(first.draft, fingerprint=body))
    assert isinstance(again.result, answer)
    assert getattr(again.result, "event_id", first.event_id) == first.event_id
    assert list(Event.objects.filter(customer_id=endpoint.customer_id).values_list("id", flat=True)) == [first.event_id]
    same = given(customer_id=endpoint.customer_id)
    assert asked_by(same, monkeypatch, **KEYED | {"idempotency_key": "another"}) == ["accept_keyed_event"]


def test_what_is_left_of_a_deleted_customers_key_is_taken_over() -> None:
    endpoint = an_endpoint(URL)
    first, _ = accept(given(owner_id=INSTALLATION), **KEYED)
    Customer.objects.filter(pk=first.draft.customer_id).delete()
    second = accept_draft(replace(first.draft, customer_id=endpoint.customer_id))
    assert isinstance(second.result, Accepted)
    assert second.result.event_id == second.event_id == IdempotencyKey.objects.get().event_id


def test_whose_event_was_not_plain_pays_for_that_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a customer with a filter, then the small statement is tried again only after a minute."""
    endpoint = an_endpoint(URL)
    Endpoint.objects.filter(pk=endpoint.pk).update(filter="$.data.number > 0")
    same = given(customer_id=endpoint.customer_id)
    assert asked_by(same, monkeypatch) == ["accept_event", "accept_events"]
    assert asked_by(same, monkeypatch) == ["accept_events"]
    monkeypatch.setattr(event_store, "_not_plain", {endpoint.customer_id: 0.0})
    assert asked_by(same, monkeypatch) == ["accept_event", "accept_events"]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_type_that_nobody_registered_is_refused_as_among_many(
    is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "unknown_event_types", "reject")
    alone, among_many = seen_both_ways(typed(own=False) if is_known else given(), monkeypatch)
    assert alone == among_many
    assert (alone[0] == (InvalidEventType, "there is no event type ")) is not is_known
