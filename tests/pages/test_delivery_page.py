"""The page of one delivery: it says what became of it and why, and keeps itself up to date."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from deliveries.models import Attempt, AuditEntry, Delivery, DueDelivery, Endpoint
from deliveries.models.base import new_id
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db

SITES = pytest.mark.parametrize("site", ["admin", "portal"])


def address(house: House, *, site: str, part: str = "change") -> str:
    """Where a part of the delivery's page is."""
    return f"/{site}/deliveries/delivery/{house.delivery.public_id}/{part}/"


def text_of(client: Client, house: House, *, site: str = "admin", part: str = "change", **query: str) -> str:
    """A part of the page."""
    answer = client.get(address(house, site=site, part=part), query)
    assert answer.status_code == 200
    return answer.content.decode()


def an_attempt(house: House, **fields: Any) -> Attempt:
    """One more attempt of the house's delivery."""
    values: dict[str, Any] = {"number": 2, "started_at": timezone.now(), "duration_ms": 120, "status_code": 401}
    values |= {"error": "http_4xx", "request_url": "https://a.example/in", "request_headers": "webhook-id: evt_x"}
    return Attempt.objects.create(
        id=new_id(), delivery_id=house.delivery.id, endpoint_id=house.endpoint.id, **(values | fields)
    )


def give_up(house: House) -> None:
    """The schedule is used up."""
    now = timezone.now()
    Attempt.objects.update(started_at=now - timedelta(seconds=6))
    an_attempt(house, started_at=now)
    Delivery.objects.filter(pk=house.delivery.pk).update(
        state="exhausted", attempts=2, status_code=401, error="http_4xx", failed_at=now, finished_at=now
    )
    DueDelivery.objects.filter(delivery_id=house.delivery.pk).delete()


@SITES
def test_one_sentence_says_what_became_of_it_and_what_to_do(site: str, bob: Client, carol: Client, acme: House) -> None:
    give_up(acme)
    text = text_of(bob if site == "admin" else carol, acme, site=site)
    assert "Given up after 2 tries in 6 s: the receiver answers 401, it refuses our signature." in text
    assert "Check the signature: the secret that the receiver has" in text


def test_a_delivery_that_waits_says_when_it_is_tried_next(bob: Client, acme: House) -> None:
    at = timezone.now() + timedelta(minutes=30)
    DueDelivery.objects.update(due_at=at)
    text = text_of(bob, acme)
    assert "Failed once so far: the receiver answers 404, there is nothing at this path." in text
    assert f"The next try is at {at:%Y-%m-%d %H:%M:%S} UTC, in 30 min." in text


def test_a_delivery_that_arrived_says_after_how_long(bob: Client, acme: House) -> None:
    Delivery.objects.update(state="succeeded", error="", finished_at=acme.delivery.created_at + timedelta(seconds=90))
    assert "Arrived at the first try, 90 s after it was accepted." in text_of(bob, acme)


def test_the_timeline_is_in_the_order_of_time(bob: Client, acme: House) -> None:
    give_up(acme)
    text = text_of(bob, acme)
    places = [text.index(f">{word}</span>") for word in ("Emitted", "Accepted", "Attempt 1", "Attempt 2", "Given up")]
    assert places == sorted(places)


def test_an_older_attempt_is_fetched_when_it_is_opened(bob: Client, acme: House) -> None:
    give_up(acme)
    assert "x-odd: &lt;b&gt;" not in text_of(bob, acme)
    assert "x-odd: &lt;b&gt;" in text_of(bob, acme, part="attempt", id=acme.attempt.public_id)


def test_the_request_is_copied_as_a_command_of_curls(bob: Client, acme: House) -> None:
    attempt = an_attempt(acme, request_headers="webhook-id: evt_x\nx-key: [hidden]")
    text = text_of(bob, acme, part="attempt", id=attempt.public_id)
    assert "curl --globoff -X POST https://a.example/in" in text
    assert "x-key: [hidden]" in text


def test_the_body_is_taken_along_byte_for_byte(carol: Client, acme: House) -> None:
    answer = carol.get(address(acme, site="portal", part="body"))
    assert answer.content == bytes(acme.event.body)
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_an_attempt_of_another_customers_delivery_is_not_found(carol: Client, acme: House, globex: House) -> None:
    page = address(acme, site="portal", part="attempt")
    assert carol.get(page, {"id": acme.attempt.public_id}).status_code == 200
    assert carol.get(page, {"id": globex.attempt.public_id}).status_code == 404
    assert carol.get(page, {"id": "att_x"}).status_code == 404


def test_the_live_part_is_sent_only_when_there_is_news(bob: Client, acme: House) -> None:
    page = address(acme, site="admin", part="live")
    mark = bob.get(page).context["mark"]
    assert bob.get(page, {"mark": mark}).status_code == 204
    an_attempt(acme)
    Delivery.objects.update(attempts=2)
    assert "Attempt 2" in bob.get(page, {"mark": mark}).content.decode()


def test_keys_lead_from_failure_to_failure(carol: Client, acme: House, globex: House) -> None:
    give_up(globex)
    answer = carol.get(address(acme, site="portal", part="failure"), {"way": "newer"}, follow=True)
    assert answer.redirect_chain[0][0] == address(acme, site="portal")
    assert "There is no newer delivery that was given up." in answer.content.decode()
    give_up(acme)
    other = Delivery.objects.get(pk=acme.delivery.pk)
    other.pk = new_id()
    other.save(force_insert=True)
    found = carol.get(address(acme, site="portal", part="failure"), {"way": "newer"})
    assert other.public_id in found.headers["Location"]


@SITES
def test_a_redirect_says_where_to_and_offers_to_change_the_url(
    site: str, alice: Client, carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    client = alice if site == "admin" else carol
    target = f"http://127.0.0.1:{receiver_ports[0]}/moved"
    old = f"http://127.0.0.1:{receiver_ports[0]}/old"
    moved = {"status_code": 301, "error": "http_3xx", "response_headers": "location: /moved", "request_url": old}
    an_attempt(acme, **moved)
    assert f'It points to <code class="hp-code">{target}</code>' in text_of(client, acme, site=site)
    asked = client.post(address(acme, site=site, part="change-url"))
    assert target in asked.content.decode()
    assert Endpoint.objects.get(pk=acme.endpoint.pk).url == acme.endpoint.url
    client.post(address(acme, site=site, part="change-url"), {"confirmed": "yes"})
    assert Endpoint.objects.get(pk=acme.endpoint.pk).url == target


def test_support_without_the_right_to_change_endpoints_is_offered_no_new_url(bob: Client, acme: House) -> None:
    moved = {"status_code": 308, "error": "http_3xx", "response_headers": "location: https://b.example/"}
    an_attempt(acme, **moved)
    text = text_of(bob, acme)
    assert "It points to" in text
    assert "Change the URL" not in text
    assert bob.post(address(acme, site="admin", part="change-url"), {"confirmed": "yes"}).status_code == 403


@pytest.mark.parametrize("location", ["javascript:alert(1)", "//[", "", "https://a.example/in"])
def test_a_redirect_to_nowhere_offers_nothing(location: str, alice: Client, acme: House) -> None:
    an_attempt(acme, status_code=302, error="http_3xx", response_headers=f"location: {location}")
    assert "It points to" not in text_of(alice, acme)
    answer = alice.post(address(acme, site="admin", part="change-url"), {"confirmed": "yes"}, follow=True)
    assert "The last answer was no redirect to another address." in answer.content.decode()


class TestInChromium:
    """Tabs, keys and news, as a person meets them."""

    pytestmark = NEEDS_CHROMIUM

    def test_the_page_shows_a_new_attempt_without_a_reload_and_leaves_open_what_is_open(
        self, page: Page, acme: House
    ) -> None:
        log_in(page, acme.member.user, site="portal")
        page.goto(address(acme, site="portal"))
        page.click("role=tab[name='Answer headers']")
        page.wait_for_selector("text=x-odd")
        page.evaluate("window.stayed = true")
        an_attempt(acme, status_code=204, error="")
        Delivery.objects.update(state="succeeded", error="", attempts=2, finished_at=timezone.now())
        DueDelivery.objects.all().delete()
        page.wait_for_selector("text=Arrived after 2 tries")
        assert page.evaluate("window.stayed")
        assert page.is_visible("text=x-odd")

    def test_keys_send_again_and_find_the_next_failure(self, page: Page, acme: House) -> None:
        give_up(acme)
        log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
        page.goto(address(acme, site="admin"))
        page.keyboard.press("r")
        page.keyboard.type("jkr")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=One more attempt is on its way.")
        assert AuditEntry.objects.get(action="delivery.redeliver").reason == "jkr"
        page.keyboard.press("j")
        page.wait_for_selector("text=There is no older delivery that was given up.")

    def test_a_page_whose_session_has_ended_leads_to_the_log_in(self, page: Page, acme: House) -> None:
        log_in(page, acme.member.user, site="portal")
        page.goto(address(acme, site="portal"))
        Session.objects.all().delete()
        page.wait_for_url("**/portal/login/**")
        assert page.is_visible("input[name=username]")

    def test_an_older_attempt_opens_with_its_request_and_answer(self, page: Page, acme: House) -> None:
        give_up(acme)
        log_in(page, acme.member.user, site="portal")
        page.goto(address(acme, site="portal"))
        older = page.locator(f"#{acme.attempt.public_id}")
        older.locator("summary").click()
        older.get_by_role("tab", name="Answer headers").click()
        older.get_by_text("x-odd").wait_for()
        assert older.get_by_text("x-odd").is_visible()


@SITES
def test_an_attempt_shows_the_body_that_was_sent_although_the_endpoint_is_set_otherwise_now(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    """Given what a transformation made, then it is shown as it was kept, and not among the headers."""
    an_attempt(acme, request_headers=':method: PUT\nwebhook-id: evt_x\n\n{"kept":"<i>as it was</i>"}')
    text = text_of(bob if site == "admin" else carol, acme, site=site)
    assert "&lt;i&gt;as it was&lt;/i&gt;" in text
    assert "PUT https://a.example/in" in text
    headers = text.partition("PUT https://a.example/in")[2].partition("</pre>")[0]
    assert "webhook-id: evt_x" in headers
    assert "kept" not in headers


def test_an_attempt_in_a_batch_says_where_in_its_request_the_event_stood(carol: Client, acme: House) -> None:
    attempt = an_attempt(acme, request_headers=":method: PUT\n:batch: 3 40\nwebhook-id: bat_x")
    page = text_of(carol, acme, site="portal", part="attempt", id=attempt.public_id)
    assert "Event 3 of 40 in this request." in page
    assert "PUT https://a.example/in" in page
    assert "Copy as curl" not in page, "alone it was never sent"
