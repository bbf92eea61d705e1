"""The whole way across both sites: an event fails, support finds the group and sends it again, the customer watches."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from deliveries.models import Delivery, Endpoint, Job
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.services.housekeeping.rollup import roll_up
from deliveries.services.job_steps import run_job_step
from deliveries.services.people.api_keys import create_api_key
from tests.engine.steps import take_turn
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in, new_context
from tests.pages.conftest import House
from tests.receiver import Receiver

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def customers_page(browser: Browser, live_server: LiveServer, acme: House) -> Iterator[Page]:
    """A window of the customer's, logged in, beside that of support."""
    context = new_context(browser, base_url=live_server.url)
    page = context.new_page()
    log_in(page, acme.member.user, site="portal")
    yield page
    context.close()


def emit_by_rest(server: LiveServer) -> Delivery:
    """An event of the customer's, as a service posts it; returns its delivery."""
    _, key = create_api_key("billing", ["events:write"], actor="system")
    body = json.dumps({"customer": "acme", "type": "invoice.paid", "data": {"invoice": "in_7"}}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/api/v1/events", data=body, headers=headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 202
    return Delivery.objects.order_by("-id")[0]


def test_an_event_fails_support_sends_its_group_again_and_the_customer_watches_it_arrive(
    page: Page, customers_page: Page, acme: House, receiver: Receiver, live_server: LiveServer
) -> None:
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(retry_schedule=[0])
    receiver.answer = lambda request: (401, {}, b"who are you?")
    delivery = emit_by_rest(live_server)
    take_turn(acme.endpoint)
    roll_up(lag_seconds=-1)
    customers_page.goto(f"/portal/deliveries/delivery/{delivery.public_id}/change/")
    customers_page.wait_for_selector("text=Given up after 1 try")
    customers_page.evaluate("window.stayed = true")

    log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
    page.click("#nav-sidebar >> text=Failures")
    page.click("text=The receiver answers 401, it refuses our signature")
    page.click("button:has-text('Redeliver all')")
    page.wait_for_selector("text=Send 1 delivery again?")
    page.fill("input[name=reason]", "the receiver knows us again")
    receiver.answer = lambda request: (204, {}, b"")
    page.click("button:has-text('Redeliver 1')")
    page.wait_for_selector("text=0 of 1 arrived")
    run_job_step(Job.objects.get(kind="redeliver").pk)
    take_turn(acme.endpoint)

    page.wait_for_selector("text=1 of 1 arrived")
    customers_page.wait_for_selector("text=Arrived after 2 tries")
    customers_page.wait_for_selector("text=Asked for by the operator. Reason: the receiver knows us again")
    assert customers_page.evaluate("window.stayed")
    assert Delivery.objects.get(pk=delivery.pk).state == DeliveryState.SUCCEEDED
