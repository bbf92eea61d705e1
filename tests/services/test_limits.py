"""No customer makes anything without end: each limit refuses with its figure and whose it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections

from deliveries.errors import LimitReached
from deliveries.models import Customer, Endpoint
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.common import limits
from deliveries.services.endpoints import create_endpoint, delete_endpoint, rotate_secret
from deliveries.services.people.api_keys import create_api_key, revoke_api_key
from deliveries.services.people.members import add_member
from deliveries.services.people.portal_links import create_link, redeem_link
from tests.settings import SETTINGS

URL = "https://93.184.216.34/in"


def a_customer(uid: str) -> Customer:
    return Customer.objects.create(name=uid, uid=uid)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "endpoints_per_customer", 2)
    for name in ("EVENT_TYPES", "MEMBERS", "API_KEYS"):
        monkeypatch.setattr(limits, name, 2)


def new_endpoint(customer: Customer, number: int) -> object:
    return create_endpoint(customer, {"url": URL}, actor="key:x")


def new_event_type(customer: Customer, number: int) -> object:
    return create_event_type({"name": f"own.type{number}"}, customer=customer, actor="key:x")


def new_member(customer: Customer, number: int) -> object:
    return add_member(customer, f"{customer.uid}{number}", actor="key:x")


def new_key(customer: Customer, number: int) -> object:
    return create_api_key("x", ["read"], customer=customer, actor="key:x")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("endpoints", new_endpoint),
        ("event_types", new_event_type),
        ("members", new_member),
        ("api_keys", new_key),
    ],
)
def test_who_has_as_many_as_allowed_gets_no_more_and_others_do(
    few: None, name: str, make: Callable[[Customer, int], object]
) -> None:
    alice, bob = a_customer("alice"), a_customer("bob")
    for number in range(2):
        make(alice, number)
    with pytest.raises(LimitReached, match=f"{alice.public_id} may have at most 2 .*, and has 2") as refused:
        make(alice, 2)
    assert (refused.value.limit, refused.value.figure, refused.value.owner) == (name, 2, alice.public_id)
    make(bob, 0)


@pytest.mark.django_db
def test_a_customer_may_have_a_limit_of_its_own(few: None) -> None:
    alice, bob = a_customer("alice"), a_customer("bob")
    Customer.objects.filter(id=alice.id).update(endpoint_limit=3)
    Customer.objects.filter(id=bob.id).update(endpoint_limit=0)
    alice.refresh_from_db()
    bob.refresh_from_db()
    for number in range(3):
        new_endpoint(alice, number)
    for customer in (alice, bob):
        with pytest.raises(LimitReached):
            new_endpoint(customer, 4)


@pytest.mark.django_db
def test_what_is_gone_makes_room(few: None) -> None:
    alice = a_customer("alice")
    endpoints = [create_endpoint(alice, {"url": URL}, actor="key:x")[0] for _ in range(2)]
    delete_endpoint(endpoints[0], actor="key:x")
    new_endpoint(alice, 3)
    keys = [create_api_key("x", ["read"], customer=alice, actor="key:x")[0] for _ in range(2)]
    revoke_api_key(keys[0], actor="key:x")
    new_key(alice, 3)
    assert alice.endpoints.filter(deleted_at=None).count() == 2


@pytest.mark.django_db
def test_the_operators_own_keys_and_event_types_are_not_counted(few: None) -> None:
    for number in range(3):
        create_api_key("x", ["read"], actor="key:x")
        made = create_event_type({"name": f"a.type{number}"}, actor="key:x")
        assert made.customer_id is None


@pytest.mark.django_db
def test_secrets_that_sign_for_an_endpoint_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGNING_SECRETS", 2)
    endpoint = create_endpoint(a_customer("alice"), {"url": URL}, actor="key:x")[0]
    rotate_secret(endpoint, actor="key:x")
    with pytest.raises(LimitReached, match="at most 2 secrets that sign for one endpoint"):
        rotate_secret(endpoint, actor="key:x")
    rotate_secret(endpoint, actor="key:x", keep_hours=0)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_no_more_than_the_limit(few: None) -> None:
    """Given ten callers that ask at the same moment, then the limit holds all the same."""
    alice = a_customer("alice")
    refused: list[LimitReached] = []
    together = threading.Barrier(10)

    def make() -> None:
        connection.ensure_connection()
        together.wait()
        try:
            new_endpoint(alice, 0)
        except LimitReached as error:
            refused.append(error)
        connections.close_all()

    threads = [threading.Thread(target=make) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Endpoint.objects.count(), len(refused)) == (2, 8)


@pytest.mark.django_db
def test_unused_portal_links_have_a_limit_and_used_ones_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PORTAL_LINKS", 2)
    alice, bob = a_customer("alice"), a_customer("bob")
    tokens = [create_link(alice, actor="key:x")[1] for _ in range(2)]
    with pytest.raises(LimitReached, match="at most 2 unused portal links"):
        create_link(alice, actor="key:x")
    create_link(bob, actor="key:x")
    assert redeem_link(tokens[0]) is not None
    create_link(alice, actor="key:x")


@pytest.mark.django_db
def test_a_portal_link_makes_no_member_beyond_the_limit(few: None) -> None:
    alice = a_customer("alice")
    for number in range(2):
        create_link(alice, actor="key:x", email=f"a{number}@example.org")
    create_link(alice, actor="key:x", email="a0@example.org")
    with pytest.raises(LimitReached, match="at most 2 members"):
        create_link(alice, actor="key:x", email="a2@example.org")
