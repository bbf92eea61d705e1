"""The inbox in a real browser: an address by one button, requests as they come, and what retries do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.test import Client

from deliveries.models import Endpoint
from deliveries.protocol.sending.inbox import INBOX_URLS, InboxAnswer
from deliveries.services.endpoints import create_endpoint, resume_endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House, logged_in
from tests.pages.working import a_worker

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM


def test_an_inbox_shows_what_is_sent_to_it_and_answers_as_it_is_told(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.goto("/portal/deliveries/endpoint/add/")
    page.click("button:has-text('Use an inbox here')")
    page.click("button:has-text('Save')")
    page.click("text=I have copied it, go on")
    page.wait_for_selector("text=Nothing came yet")
    inbox = Endpoint.objects.get(url=INBOX_URLS[InboxAnswer.OK])
    with a_worker():
        page.click("button:has-text('Send a test event')")
        page.wait_for_selector("text=signature right")
        assert "webhook-signature" in page.inner_text(".hp-came >> nth=0")
        page.click("button:has-text('500: try again later')")
        page.wait_for_selector("text=From now on it answers 500")
        page.evaluate("window.stayed = true")
        create_test(page, inbox)
        page.wait_for_selector(".hp-came .hp-danger:has-text('500')")
        assert page.evaluate("window.stayed")
        assert page.locator(".hp-came[open]").count() >= 2  # what was open stays open
        page.click("button:has-text('410')")
        page.click("button:has-text('Send a test event')")
        page.wait_for_selector(".hp-came .hp-danger:has-text('410')")
    page.reload()
    page.wait_for_selector("button:has-text('Resume')")
    inbox.refresh_from_db()
    assert inbox.state == "disabled"
    resume_endpoint(inbox, actor="member:carol")


def create_test(page: Page, inbox: Endpoint) -> None:
    """Send a test event from beside the page."""
    from deliveries.services.accepting.events import send_test_event

    send_test_event(inbox, event_type="hookpost.test")
    assert page.url.endswith("/inbox/")


def test_an_inbox_of_another_customer_is_not_there_and_other_endpoints_have_none(acme: House, globex: House) -> None:
    theirs, _ = create_endpoint(globex.customer, {"url": INBOX_URLS[InboxAnswer.OK]}, actor="x")
    carol: Client = logged_in(acme.member.user)
    for name in (theirs.public_id, str(theirs.pk)):
        place = f"/portal/deliveries/endpoint/{name}"
        assert [carol.get(f"{place}/{part}").status_code for part in ("inbox/", "inbox/live/")] == [404, 404]
        assert carol.post(f"{place}/answer/", {"answer": "410"}).status_code == 404
    own = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}"
    assert carol.get(f"{own}/inbox/").status_code == 404
    carol.post(f"{own}/answer/", {"answer": "410"})
    before = acme.endpoint.url
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.url == before
