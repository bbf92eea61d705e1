"""What was deleted or changed since it was read is not written as it was then, and does not come back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from deliveries.errors import Conflict, InvalidInput, NotFound
from deliveries.models import (
    ApiVersion,
    AuditEntry,
    Customer,
    Endpoint,
    EventType,
    FailureGroup,
    Job,
    Member,
    VersionChange,
)
from deliveries.services import customers, endpoints, job_control
from deliveries.services.catalogue import api_versions, event_types
from deliveries.services.people import brands, first_steps, invitations, members, portal_links, staff
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.people.portal_links import create_link
from deliveries.services.resending import failure_groups
from deliveries.services.telling import mail_choices

pytestmark = pytest.mark.django_db

ACTOR = "key:x"
URL = "https://93.184.216.34/in"


def again(row: Model) -> Model:
    """The row as somebody else reads it."""
    return type(row)._default_manager.get(pk=row.pk)


def an_event_type() -> EventType:
    return event_types.create_event_type({"name": "invoice.paid"}, actor=ACTOR)


def a_version() -> ApiVersion:
    return api_versions.create_version({"name": "2026-01-01"}, actor=ACTOR)


def a_change() -> VersionChange:
    an_event_type()
    a_version()
    second = api_versions.create_version({"name": "2026-02-01"}, actor=ACTOR)
    return api_versions.save_change(second, "invoice.paid", {"down": "@"}, actor=ACTOR)


def a_customer() -> Customer:
    return customers.create_customer({"name": "Alice"}, actor=ACTOR)


def a_member() -> Member:
    return members.add_member(a_customer(), "alice", actor=ACTOR)


def a_job() -> Job:
    return Job.objects.create(kind=Job.Kind.RECOVER, customer=a_customer(), actor=ACTOR, filters={})


def a_group() -> FailureGroup:
    endpoint, _ = endpoints.create_endpoint(a_customer(), {"url": URL}, actor=ACTOR)
    moment, key = endpoint.created_at, endpoint.pk
    return FailureGroup.objects.create(
        endpoint=endpoint,
        customer=endpoint.customer,
        error="http_4xx",
        status_code=404,
        deliveries=1,
        attempts=1,
        first_at=moment,
        last_at=moment,
        oldest_id=key,
        example_id=key,
    )


def one_of_staff() -> User:
    return User.objects.create_user("bob", is_staff=True)


NO_MAIL = mail_choices.Choices("never", [], [])
CHANGES: dict[str, tuple[Callable[[], Model], Callable[[Any], object]]] = {
    "change an event type": (
        an_event_type,
        lambda row: event_types.update_event_type(row, {"description": "d"}, actor=ACTOR),
    ),
    "delete an event type": (an_event_type, lambda row: event_types.delete_event_type(row, actor=ACTOR)),
    "change a customer": (a_customer, lambda row: customers.update_customer(row, {"name": "Bob"}, actor=ACTOR)),
    "delete a customer": (a_customer, lambda row: customers.delete_customer(row, actor=ACTOR)),
    "brand a customer": (a_customer, lambda row: brands.set_brand(row, {"name": "Bob"}, {}, actor=ACTOR)),
    "make an endpoint": (a_customer, lambda row: endpoints.create_endpoint(row, {"url": URL}, actor=ACTOR)),
    "make a key": (a_customer, lambda row: create_api_key("k", ["read"], customer=row, actor=ACTOR)),
    "make a link": (a_customer, lambda row: create_link(row, actor=ACTOR)),
    "add a member": (a_customer, lambda row: members.add_member(row, "bob", actor=ACTOR)),
    "register a customer's event type": (
        a_customer,
        lambda row: event_types.create_event_type({"name": "a.b"}, customer=row, actor=ACTOR),
    ),
    "change a role": (a_member, lambda row: members.change_role(row, "viewer", actor=ACTOR)),
    "remove a member": (a_member, lambda row: members.remove_member(row, actor=ACTOR, may_be_last=True)),
    "change a version": (a_version, lambda row: api_versions.update_version(row, {"description": "d"}, actor=ACTOR)),
    "release a version": (a_version, lambda row: api_versions.release_version(row, actor=ACTOR)),
    "delete a version": (a_version, lambda row: api_versions.delete_version(row, actor=ACTOR)),
    "declare a change": (a_version, lambda row: api_versions.save_change(row, "a.b", {"down": "@"}, actor=ACTOR)),
    "delete a change": (a_change, lambda row: api_versions.delete_change(row, actor=ACTOR)),
    "cancel a job": (a_job, lambda row: job_control.cancel_job(row, actor=ACTOR)),
    "choose what is mailed": (a_member, lambda row: mail_choices.choose_mail(row, NO_MAIL, actor=ACTOR)),
    "dismiss the first steps": (a_customer, lambda row: first_steps.dismiss(row, actor=ACTOR)),
    "acknowledge a failure": (a_group, lambda row: failure_groups.acknowledge(row, actor=ACTOR)),
    "switch somebody off": (one_of_staff, lambda row: staff.switch_staff(row, on=False, actor=ACTOR)),
    "change the role of staff": (one_of_staff, lambda row: staff.change_staff_role(row, "viewer", actor=ACTOR)),
    "resume a job": (a_job, lambda row: job_control.resume_job(row, actor=ACTOR)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_deleted_meanwhile_is_not_found_and_does_not_come_back(what: str) -> None:
    """Given a row that somebody deletes after it was read, then a change of it is refused and leaves nothing."""
    make, change = CHANGES[what]
    row = make()
    again(row).delete()
    before = AuditEntry.objects.count()
    with pytest.raises(NotFound):
        change(row)
    assert not type(row)._default_manager.filter(pk=row.pk).exists()
    assert AuditEntry.objects.count() == before


ORDERED: dict[str, Callable[[], Callable[[], object]]] = {
    "choose what is mailed": lambda: partial(mail_choices.choose_mail, a_member(), NO_MAIL, actor=ACTOR),
    "acknowledge a failure": lambda: partial(failure_groups.acknowledge, a_group(), actor=ACTOR),
    "withdraw an invitation": lambda: partial(
        invitations.withdraw, invitations.invite(a_customer(), "a@example.org", "viewer", actor=ACTOR), actor=ACTOR
    ),
    "use a link": lambda: partial(portal_links.redeem_link, create_link(a_customer(), actor=ACTOR)[1]),
}


@pytest.mark.parametrize("what", ORDERED)
def test_a_customer_is_held_before_what_is_its(what: str) -> None:
    """Given somebody who deletes the customer, and holds it first, then neither has what the other waits for."""
    change = ORDERED[what]()
    with CaptureQueriesContext(connection) as asked:
        change()
    locking = [each["sql"] for each in asked if "FOR NO KEY UPDATE" in each["sql"] or each["sql"].startswith("UPDATE")]
    assert len(locking) > 1
    assert ' FROM "hookpost_customer"' in locking[0]


ENDPOINT_CHANGES: dict[str, Callable[[Endpoint], object]] = {
    "change": partial(endpoints.update_endpoint, fields={"description": "d"}, actor=ACTOR),
    "enable": partial(endpoints.update_endpoint, fields={"state": "enabled"}, actor=ACTOR),
    "rotate": partial(endpoints.rotate_secret, actor=ACTOR),
    "pause": partial(endpoints.pause_endpoint, actor=ACTOR),
    "resume": partial(endpoints.resume_endpoint, actor=ACTOR),
}


@pytest.mark.parametrize("what", ENDPOINT_CHANGES)
def test_an_endpoint_that_was_deleted_meanwhile_gets_no_state_and_no_secret(what: str) -> None:
    endpoint, _ = endpoints.create_endpoint(a_customer(), {"url": URL, "state": "paused"}, actor=ACTOR)
    endpoints.delete_endpoint(Endpoint.objects.get(pk=endpoint.pk), actor=ACTOR)
    with pytest.raises(NotFound):
        ENDPOINT_CHANGES[what](endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.description, endpoint.secrets.count()) == ("disabled", "", 0)


def test_a_disabled_endpoint_is_not_paused_by_who_saw_it_enabled() -> None:
    seen, _ = endpoints.create_endpoint(a_customer(), {"url": URL}, actor=ACTOR)
    endpoints.disable_endpoint(Endpoint.objects.get(), actor=ACTOR)
    with pytest.raises(Conflict, match="is disabled"):
        endpoints.pause_endpoint(seen, actor=ACTOR)
    assert Endpoint.objects.get().state == "disabled"


def test_a_secret_fits_the_scheme_that_is_in_force_by_then() -> None:
    """Given a scheme that was changed to one that signs with whsec_ only, no other text becomes its secret."""
    seen, _ = endpoints.create_endpoint(a_customer(), {"url": URL, "signing": "github"}, actor=ACTOR)
    endpoints.update_endpoint(Endpoint.objects.get(), {"signing": "standard"}, actor=ACTOR)
    with pytest.raises(InvalidInput):
        endpoints.rotate_secret(seen, actor=ACTOR, secret="a text of one's own")
    assert seen.secrets.count() == 1


def test_two_changes_of_one_event_type_are_both_kept() -> None:
    first, second = an_event_type(), EventType.objects.get()
    event_types.update_event_type(first, {"description": "what was paid"}, actor=ACTOR)
    event_types.update_event_type(second, {"archived": True}, actor=ACTOR)
    kept = EventType.objects.get()
    assert (kept.description, kept.archived) == ("what was paid", True)


def test_a_schema_is_compared_with_the_one_that_is_in_force_by_then() -> None:
    first, second = an_event_type(), EventType.objects.get()
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    event_types.update_event_type(first, {"schema": schema}, actor=ACTOR)
    with pytest.raises(Conflict, match="may break receivers"):
        event_types.update_event_type(second, {"schema": {"type": "object", "properties": {}}}, actor=ACTOR)


def test_a_description_does_not_take_back_a_release() -> None:
    first, second = a_version(), ApiVersion.objects.get()
    api_versions.release_version(first, actor=ACTOR)
    api_versions.update_version(second, {"description": "d"}, actor=ACTOR)
    assert ApiVersion.objects.get().released_at is not None


def test_who_deletes_a_customer_takes_endpoints_along_that_were_made_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given an endpoint that is made between the deletion of the others and that of the customer, it goes too."""
    alice = a_customer()
    hold = customers.hold_customer

    def late(customer: Customer) -> None:
        endpoints.create_endpoint(customer, {"url": URL}, actor=ACTOR)
        hold(customer)

    monkeypatch.setattr(customers, "hold_customer", late)
    customers.delete_customer(alice, actor=ACTOR)
    assert (Customer.objects.count(), Endpoint.objects.count()) == (0, 0)
    assert AuditEntry.objects.filter(action="endpoint.delete").count() == 1
