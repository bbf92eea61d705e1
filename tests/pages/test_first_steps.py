"""The first steps on the portal's front page: each ticks itself, and all go when they are done or dismissed."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries.models import AuditEntry, Customer, Delivery, DueDelivery, Lane
from deliveries.protocol.who.member_roles import MemberRole
from deliveries.services.accepting.events import EventDraft, accept_event, send_test_event
from deliveries.services.customers import create_customer
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.first_steps import steps_done
from deliveries.services.people.members import add_member, change_role
from tests.pages.conftest import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer() -> Customer:
    """A customer with nothing yet."""
    return create_customer({"name": "Newcomer"}, actor="system")


@pytest.fixture
def nina(newcomer: Customer) -> Client:
    """Its owner."""
    return logged_in(add_member(newcomer, "nina", actor="system").user)


def ticked(client: Client) -> list[bool] | None:
    """Which steps the front page shows as done; None when it shows none."""
    text = client.get("/portal/").content.decode()
    return [" hp-done" in each for each in re.findall(r'<li class="(hp-first-step[^"]*)"', text)] or None


def statements_of(customer: Customer) -> int:
    """How many statements the steps cost a front page."""
    customer.refresh_from_db()
    with CaptureQueriesContext(connection) as asked:
        steps_done(customer)
    return len(asked)


def test_each_step_ticks_itself_and_all_are_gone_when_they_are_done(
    nina: Client, newcomer: Customer, receiver_ports: list[int]
) -> None:
    assert ticked(nina) == [False] * 4
    assert 'href="/portal/deliveries/endpoint/add/">Register' in nina.get("/portal/").content.decode()
    endpoint, _ = create_endpoint(newcomer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/in"}, actor="system")
    assert ticked(nina) == [True, False, False, False]
    nina.post(f"/portal/deliveries/endpoint/{endpoint.public_id}/test/", {"event_type": "hookpost.test"})
    assert ticked(nina) == [True, False, False, False]
    Delivery.objects.filter(endpoint_id=endpoint.pk).update(status_code=400, attempts=1)
    assert ticked(nina) == [True, True, False, False]
    Delivery.objects.filter(endpoint_id=endpoint.pk).update(status_code=204, state="succeeded")
    assert ticked(nina) == [True, True, True, False]
    Delivery.objects.all().delete()  # what the log forgets was done all the same
    assert ticked(nina) == [True, True, True, False]
    accept_event(EventDraft(customer_id=newcomer.pk, type="invoice.paid", data=b"{}"))
    assert ticked(nina) is None
    assert statements_of(newcomer) == 0


def test_a_test_of_a_type_of_the_catalogue_is_no_real_event(
    nina: Client, newcomer: Customer, receiver_ports: list[int]
) -> None:
    from deliveries.services.catalogue.event_types import create_event_type

    create_event_type({"name": "invoice.paid"}, customer=newcomer, actor="system")
    endpoint, _ = create_endpoint(newcomer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/in"}, actor="system")
    nina.post(f"/portal/deliveries/endpoint/{endpoint.public_id}/test/", {"event_type": "invoice.paid"})
    Delivery.objects.filter(endpoint_id=endpoint.pk).update(status_code=204, state="succeeded")
    assert ticked(nina) == [True, True, True, False]
    assert statements_of(newcomer) == 2
    send_test_event(endpoint)
    assert ticked(nina) == [True, True, True, False]


def test_a_customer_with_traffic_and_one_that_dismissed_them_are_asked_about_no_more(
    nina: Client, newcomer: Customer, receiver_ports: list[int]
) -> None:
    assert statements_of(newcomer) == 1  # is there an endpoint?
    assert nina.get("/portal/first-steps/dismiss/").status_code == 405
    assert nina.post("/portal/first-steps/dismiss/").status_code == 302
    assert ticked(nina) is None
    assert statements_of(newcomer) == 0
    assert AuditEntry.objects.filter(action="customer.dismiss_first_steps").count() == 1
    Customer.objects.filter(pk=newcomer.pk).update(first_steps=[])
    create_endpoint(newcomer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/in"}, actor="system")
    accept_event(EventDraft(customer_id=newcomer.pk, type="invoice.paid", data=b"{}"))
    Delivery.objects.update(status_code=200, state="succeeded")
    assert ticked(nina) is None


def test_who_begins_sees_what_to_do_and_no_zeros_until_something_is_sent(
    nina: Client, newcomer: Customer, receiver_ports: list[int]
) -> None:
    begins = nina.get("/portal/").content.decode()
    assert "is shown here from the first request on" in begins
    assert not re.findall(r"data-hp-chart|hp-figure\b|What fails", begins)
    endpoint, _ = create_endpoint(newcomer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/in"}, actor="system")
    assert "is shown here from the first request on" in nina.get("/portal/").content.decode()
    send_test_event(endpoint)  # and waits
    waits = nina.get("/portal/").content.decode()
    assert "is shown here from the first request on" not in waits
    assert "What fails" in waits
    Delivery.objects.all().delete()
    DueDelivery.objects.all().delete()
    assert "is shown here from the first request on" in nina.get("/portal/").content.decode()
    nina.post("/portal/first-steps/dismiss/")
    assert "What fails" in nina.get("/portal/").content.decode()


def test_who_was_sent_something_is_not_told_that_nothing_was_before_it_is_counted(
    nina: Client, newcomer: Customer, receiver_ports: list[int]
) -> None:
    """Given a first log-in seconds after a first real event, as in the demo, then the page says when it is counted."""
    endpoint, _ = create_endpoint(newcomer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/in"}, actor="system")
    accept_event(EventDraft(customer_id=newcomer.pk, type="invoice.paid", data=b"{}"))
    Delivery.objects.filter(endpoint_id=endpoint.pk).update(status_code=204, state="succeeded", attempts=1)
    DueDelivery.objects.filter(endpoint_id=endpoint.pk).delete()
    page = nina.get("/portal/").content.decode()
    assert "from the first request on" not in page
    assert "What is sent now is here within a minute" in page


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("endpoint", "It is a URL of yours that events are sent to."),
        ("delivery", "Send a test event from an endpoint&#x27;s page."),
        ("event", "They come by themselves"),
    ],
)
def test_an_empty_list_asks_nothing_of_a_customer_that_is_not_theirs(page: str, words: str, nina: Client) -> None:
    text = nina.get(f"/portal/deliveries/{page}/").content.decode()
    assert words in text
    assert "REST" not in text


def test_what_fails_is_not_said_to_be_nothing_while_an_endpoint_fails(
    nina: Client, newcomer: Customer, receiver_ports: list[int]
) -> None:
    endpoint, _ = create_endpoint(newcomer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/in"}, actor="system")
    send_test_event(endpoint)
    nothing = "Nothing has failed in the last 7 days."
    assert nothing in nina.get("/portal/").content.decode()
    Delivery.objects.update(state="exhausted", error="http_4xx", status_code=401, failed_at=timezone.now())
    Lane.objects.filter(endpoint=endpoint).update(failing_since=timezone.now())
    text = nina.get("/portal/").content.decode()
    assert nothing not in text
    assert "What began to fail just now is here within a minute." in text


def test_a_viewer_sees_them_and_dismisses_nothing(newcomer: Customer, nina: Client) -> None:
    member = add_member(newcomer, "viktor", actor="system")
    change_role(member, MemberRole.VIEWER, actor="system")
    viktor = logged_in(member.user)
    text = viktor.get("/portal/").content.decode()
    assert "First steps" in text
    assert "Dismiss" not in text
    assert "endpoint/add/" not in text
    assert viktor.post("/portal/first-steps/dismiss/").status_code == 403
    assert ticked(nina) == [False] * 4
