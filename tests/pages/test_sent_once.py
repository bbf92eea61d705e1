"""Forms in a real browser: sent once however often somebody clicks, and not lost when a session ends meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.sessions.models import Session

from deliveries.models import Endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM
SAVE = "#submit-row button[name=_save]"
CLICK_TWICE = """(button) => {
  const sent = [];
  addEventListener("submit", (event) => {
    sent.push(!event.defaultPrevented);
    event.preventDefault();
  });
  for (const _ of [1, 2]) document.querySelector(button).click();
  return sent;
}"""  # whether each would have left the browser


def fill_in(page: Page, house: House, description: str) -> None:
    """Open the form of a new endpoint, and fill it in."""
    page.goto("/portal/deliveries/endpoint/add/")
    page.wait_for_function("!document.querySelector('html[x-cloak]')")
    page.fill("#id_url", f"{house.endpoint.url}/new")
    page.fill("#id_description", description)


def log_in_again(page: Page, username: str) -> None:
    """Fill in the log-in that a page has led to."""
    page.wait_for_selector("#id_password")
    page.fill("#id_username", username)
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")


def test_a_form_that_is_clicked_twice_is_sent_once(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    fill_in(page, acme, "clicked twice")
    assert page.evaluate(CLICK_TWICE, SAVE) == [True, False]


def test_what_was_typed_is_there_again_after_the_log_in(page: Page, acme: House) -> None:
    """Given a session that ended while somebody filled in a form, when they log in, then it is as they sent it."""
    log_in(page, acme.member.user, site="portal")
    fill_in(page, acme, "typed for long")
    Session.objects.all().delete()
    page.click(SAVE)
    log_in_again(page, acme.member.user.username)
    page.wait_for_selector("#endpoint_form [role=alert]")
    assert page.input_value("#id_description") == "typed for long"
    assert page.input_value("#id_url") == f"{acme.endpoint.url}/new"
    assert not Endpoint.objects.filter(description="typed for long").exists()
    page.reload()
    page.wait_for_function("!document.querySelector('html[x-cloak]')")
    assert page.input_value("#id_description") == ""


def test_another_person_who_logs_in_there_is_shown_nothing_of_it(page: Page, acme: House, globex: House) -> None:
    globex.member.user.set_password(PASSWORD)
    globex.member.user.save()
    log_in(page, acme.member.user, site="portal")
    fill_in(page, acme, "for acme alone")
    Session.objects.all().delete()
    page.click(SAVE)
    log_in_again(page, globex.member.user.username)
    page.wait_for_selector("#id_description")
    page.wait_for_function("!document.querySelector('html[x-cloak]')")
    assert page.input_value("#id_description") == ""
    assert page.evaluate("sessionStorage.getItem('hp-typed')") is None


def test_a_form_is_saved_though_somebody_has_logged_in_anew_in_another_tab(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    fill_in(page, acme, "in the first tab")
    Session.objects.all().delete()
    other = page.context.new_page()
    log_in(other, acme.member.user, site="portal")
    page.fill("#id_url", f"{acme.endpoint.url}/newer")
    page.wait_for_selector(".hp-said[data-hp-good=true], .hp-said[data-hp-good=false]")  # it was looked at, too
    page.click(SAVE)
    page.wait_for_selector(".hp-secret")
    assert Endpoint.objects.get(description="in the first tab").customer == acme.customer
