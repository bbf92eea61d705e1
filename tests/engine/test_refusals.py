"""Whose event of which type is stored, and who gets it: each rule with a case on either side of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from deliveries.errors import InvalidEventType, KeyRevoked, NotFound, Unavailable
from deliveries.models import ApiKey, Customer, Delivery, Endpoint, Event, EventType
from deliveries.models.base import new_id
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.accepting import event_store
from deliveries.services.accepting.event_store import SHARED, Accepted, Entry, EventDraft, store_events
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.api_keys import create_api_key
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def alice() -> Customer:
    return Customer.objects.create(name="Alice & Co", uid="alice")


@pytest.fixture
def bob() -> Customer:
    return Customer.objects.create(name="Bob Ltd", uid="bob")


@pytest.fixture(params=["alone", "among many"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the small statement and by the large one."""
    if request.param == "among many":
        monkeypatch.setattr(event_store, "_is_plain", lambda entry: False)


def result_of(customer: Customer, *, event_id: UUID | None = None, **fields: object) -> object:
    """What becomes of an event of this customer: a class of errors, or Accepted."""
    given = {"type": "invoice.paid", "data": b"{}", "customer_id": customer.id} | fields
    entry = Entry(EventDraft(**given), event_id or new_id(), b"{}")  # type: ignore[arg-type]
    store_events([entry], limits=SHARED)
    result = entry.result if isinstance(entry.result, Accepted) else type(entry.result)
    assert Event.objects.filter(id=entry.event_id).exists() is isinstance(result, Accepted)
    return Accepted if isinstance(result, Accepted) else result


def a_key(**fields: object) -> UUID:
    """A service's key that is like this."""
    key, _ = create_api_key("emits", ["events:write"], actor="user:root")
    ApiKey.objects.filter(id=key.id).update(**fields)
    return key.id


def test_an_event_is_stored_for_a_key_that_lives(alice: Customer) -> None:
    now = timezone.now()
    living = [a_key(expires_at=None), a_key(expires_at=now + HOUR)]
    ended = [a_key(revoked_at=now), a_key(expires_at=now - HOUR), new_id()]
    assert [result_of(alice, api_key_id=key) for key in living] == [Accepted] * 2
    assert [result_of(alice, api_key_id=key) for key in ended] == [KeyRevoked] * 3


def test_a_customers_key_emits_for_this_customer_alone(alice: Customer, bob: Customer) -> None:
    assert result_of(alice, emitter_id=alice.id) is Accepted
    assert result_of(alice, emitter_id=bob.id) is NotFound
    assert result_of(alice, customer_id=None, customer_uid="alice", emitter_id=bob.id) is NotFound
    assert result_of(alice, customer_id=None, customer_uid="bob") is Accepted


def test_a_customer_that_nobody_knows_gets_nothing_and_a_service_may_mean_every_one(alice: Customer) -> None:
    assert result_of(alice, customer_id=new_id()) is NotFound
    assert result_of(alice, customer_id=None, customer_uid="carol") is NotFound
    assert result_of(alice, customer_id=None, customer_uid="*") is Accepted


@pytest.mark.parametrize(("moving", "result"), [("closed", Unavailable), ("frozen", Accepted), ("", Accepted)])
def test_of_a_customer_that_has_moved_nothing_is_stored(alice: Customer, moving: str, result: type) -> None:
    Customer.objects.filter(id=alice.id).update(moving=moving)
    assert result_of(alice) is result


@pytest.mark.parametrize(("away", "result"), [(-HOUR, Unavailable), (HOUR, Unavailable), (-timedelta(0), Accepted)])
def test_an_id_is_of_the_databases_time(alice: Customer, away: timedelta, result: type) -> None:
    moment = floor_of(datetime.now(UTC) + away).int
    assert result_of(alice, event_id=UUID(int=moment | new_id().int & (1 << 62) - 1)) is result


def test_what_the_operator_archived_nobody_emits(alice: Customer) -> None:
    EventType.objects.create(name="invoice.paid", archived=True)
    assert result_of(alice) is InvalidEventType
    assert result_of(alice, emitter_id=alice.id) is InvalidEventType
    assert result_of(alice, type="invoice.sent") is Accepted


def test_what_a_customer_archived_its_own_keys_do_not_emit(alice: Customer, bob: Customer) -> None:
    EventType.objects.create(name="invoice.paid", customer=alice, archived=True)
    assert result_of(alice, emitter_id=alice.id) is InvalidEventType
    assert result_of(alice) is Accepted
    assert result_of(bob, emitter_id=bob.id) is Accepted


def test_where_unknown_types_are_refused_those_are_known_that_the_operator_or_the_customer_registered(
    alice: Customer, bob: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    EventType.objects.create(name="common")
    EventType.objects.create(name="alices", customer=alice)
    assert result_of(bob, type="alices") is Accepted
    monkeypatch.setattr(SETTINGS, "unknown_event_types", "reject")
    assert [result_of(alice, type=name) for name in ("common", "alices", "hookpost.test")] == [Accepted] * 3
    assert [result_of(alice, type="other"), result_of(bob, type="alices")] == [InvalidEventType] * 2


def who_gets(customer: Customer, **fields: object) -> set[str]:
    """The names of the endpoints that an event of this customer is for."""
    before = set(Delivery.objects.values_list("id", flat=True))
    assert result_of(customer, **fields) is Accepted
    return set(Delivery.objects.exclude(id__in=before).values_list("endpoint__description", flat=True))


def endpoints_of(customer: Customer, **wishes: dict[str, object]) -> None:
    """Endpoints of these names, which want what they say."""
    for name, fields in wishes.items():
        endpoint, _ = create_endpoint(customer, {"url": "https://93.184.216.34/"}, actor="user:root")
        Endpoint.objects.filter(id=endpoint.id).update(description=name, **fields)


def test_an_event_goes_to_who_wants_its_type_and_its_tags(alice: Customer, bob: Customer) -> None:
    wishes: dict[str, dict[str, object]] = {
        "all": {},
        "invoices": {"event_types": ["invoice.*"]},
        "users": {"event_types": ["user.*"]},
        "eu": {"tags": ["eu"]},
        "us_invoices": {"event_types": ["invoice.*"], "tags": ["us"]},
        "own_matters": {"event_types": ["hookpost.test"], "tags": ["us"]},
        "gone": {"deleted_at": timezone.now()},
    }
    endpoints_of(alice, **wishes)
    endpoints_of(bob, bobs={})
    assert who_gets(alice) == {"all", "invoices"}
    assert who_gets(alice, type="user.created") == {"all", "users"}
    assert who_gets(alice, tags=("eu", "us")) == {"all", "invoices", "eu", "us_invoices"}
    assert who_gets(alice, tags=("asia",)) == {"all", "invoices"}
    assert who_gets(alice, type="hookpost.test") == {"own_matters"}
    assert who_gets(bob) == {"bobs"}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "pending"),
        ({"state": "paused"}, "held"),
        ({"ordered": True}, "pending"),
        ({"draining": True}, "pending"),
        ({"ordered": True, "draining": True}, "held"),
    ],
)
def test_what_comes_for_who_is_paused_or_has_older_ones_to_send_in_order_is_held(
    alice: Customer, fields: dict[str, object], state: str
) -> None:
    endpoints_of(alice, only=fields)
    assert who_gets(alice) == {"only"}
    assert Delivery.objects.get().state == state
