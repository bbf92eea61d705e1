"""The cast of the pages' tests.

What lives here: Alice administers, Bob is support, Carol is a member of Acme, Dave of Globex; each customer
has one of everything. It must not know what a test looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.browsers import logged_in
from tests.pages.chromium import browser, page, refused_page

if TYPE_CHECKING:  # this file is read before Django is set up
    from deliveries.models import (
        ApiKey,
        Attempt,
        AuditEntry,
        Customer,
        Delivery,
        Endpoint,
        Event,
        EventType,
        FailureGroup,
        Job,
        Member,
    )

__all__ = ["House", "browser", "logged_in", "make_house", "page", "refused_page"]

HOSTILE = b'<script>alert(1)</script><a href="https://evil.example/">click</a> \xff\x00 \xe2\x80\xaegnp'


@dataclass(frozen=True)
class House:
    """One customer with one of everything."""

    customer: Customer
    member: Member
    endpoint: Endpoint
    secret: str
    event: Event
    delivery: Delivery
    attempt: Attempt
    event_type: EventType
    key: ApiKey
    key_text: str
    job: Job
    failure: FailureGroup
    entry: AuditEntry

    def rows(self) -> list[Any]:
        """All rows that have a page somewhere."""
        rows = [self.customer, self.member, self.endpoint, self.event, self.delivery]
        return [*rows, self.attempt, self.event_type, self.key, self.job, self.failure, self.entry]


def make_house(name: str, username: str, port: int) -> House:
    """A customer whose only delivery was answered with an attacker's page."""
    from datetime import timedelta

    from django.utils import timezone

    from deliveries.models import Attempt, AuditEntry, Delivery, DueDelivery, Event, FailureGroup, Job
    from deliveries.models.base import new_id
    from deliveries.services import customers, endpoints
    from deliveries.services.accepting import events
    from deliveries.services.catalogue import event_types
    from deliveries.services.people import api_keys, members

    customer = customers.create_customer({"name": name, "uid": name.lower()}, actor="system")
    member = members.add_member(customer, username, email=f"{username}@example.com", actor="system")
    fields = {"url": f"http://127.0.0.1:{port}/{name}", "headers": {"authorization": f"Bearer {name}-topsecret"}}
    endpoint, secret = endpoints.create_endpoint(customer, fields, actor="system")
    own = event_types.create_event_type({"name": f"{name.lower()}.own"}, customer=customer, actor="system")
    key, key_text = api_keys.create_api_key(f"{name} sync", ["read"], customer=customer, actor="system")
    data = b'{"of":"%b","big":1e400}' % name.encode()
    accepted = events.accept_event(events.EventDraft(customer_id=customer.id, type="invoice.paid", data=data))
    delivery = Delivery.objects.get(event_id=accepted.event_id)
    Delivery.objects.filter(pk=delivery.pk).update(attempts=1, error="http_4xx", status_code=404)
    DueDelivery.objects.update(rank=2, due_at=timezone.now() + timedelta(minutes=5))  # the retry waits
    attempt = Attempt.objects.create(
        id=new_id(),
        delivery_id=delivery.id,
        endpoint_id=endpoint.id,
        number=1,
        started_at=timezone.now(),
        duration_ms=7,
        status_code=404,
        error="http_4xx",
        address="203.0.113.7:443",
        response_headers="content-type: text/html\nx-odd: <b>\u202e",
        response_body=HOSTILE,
    )
    job = Job.objects.create(kind="recover", customer=customer, actor="system", total=4, done=1)
    failure = FailureGroup.objects.create(
        endpoint=endpoint,
        customer=customer,
        error="http_4xx",
        status_code=404,
        first_at=attempt.started_at,
        last_at=attempt.started_at,
        deliveries=1,
        attempts=1,
        oldest_id=delivery.id,
        example_id=delivery.id,
    )
    event = Event.objects.get(pk=accepted.event_id)
    delivery.refresh_from_db()
    entry = AuditEntry.objects.get(object_id=endpoint.public_id)
    return House(customer, member, endpoint, secret, event, delivery, attempt, own, key, key_text, job, failure, entry)


@pytest.fixture
def acme(db: None, receiver_ports: list[int]) -> House:
    """Carol's customer."""
    return make_house("Acme", "carol", receiver_ports[0])


@pytest.fixture
def globex(db: None, receiver_ports: list[int]) -> House:
    """Dave's customer."""
    return make_house("Globex", "dave", receiver_ports[0])


@pytest.fixture
def alice(db: None) -> Client:
    """An administrator."""
    from django.contrib.auth.models import User

    return logged_in(User.objects.create_superuser("alice", "alice@example.org", "wonderland-1865"))


@pytest.fixture
def bob(db: None) -> Client:
    """Support staff."""
    from django.contrib.auth.models import Group, User

    user = User.objects.create_user("bob", "bob@example.org", "a-builder-1999", is_staff=True)
    user.groups.add(Group.objects.get(name="Hookpost support"))
    return logged_in(user)


@pytest.fixture
def carol(acme: House) -> Client:
    """A member of Acme."""
    return logged_in(acme.member.user)


@pytest.fixture
def dave(globex: House) -> Client:
    """A member of Globex."""
    return logged_in(globex.member.user)
