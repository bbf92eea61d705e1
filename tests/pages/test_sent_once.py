"""Forms in a real browser: sent once however often somebody clicks, and not lost when a session ends meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.sessions.models import Session

from deliveries.models import Endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = NEEDS_CHROMIUM
SAVE = "#submit-row button[name=_save]"
CLICK = f"document.querySelector('{SAVE}').click()"


def fill_in(page: Page, house: House, description: str) -> None:
    """Open the form of a new endpoint, and fill it in."""
    page.goto("/portal/deliveries/endpoint/add/")
    page.wait_for_function("!document.querySelector('html[x-cloak]')")
    page.fill("#id_url", f"{house.endpoint.url}/new")
    page.fill("#id_description", description)


def is_post(route: Route) -> bool:
    """Whether this sends a form."""
    return route.request.method == "POST"


def log_in_again(page: Page, username: str) -> None:
    """Fill in the log-in that a page has led to."""
    page.wait_for_selector("#id_password")
    page.fill("#id_username", username)
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")


def test_a_form_that_is_sent_twice_is_saved_once(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    fill_in(page, acme, "clicked twice")
    held: list[Route] = []
    page.route("**/endpoint/add/", lambda route: held.append(route) if is_post(route) else route.continue_())
    with page.expect_request(lambda request: request.method == "POST"):
        page.evaluate(CLICK)
    page.evaluate(CLICK)  # before the first is answered
    held[0].continue_()
    page.wait_for_selector(".hp-secret")
    assert len(held) == 1
    assert Endpoint.objects.filter(description="clicked twice").count() == 1


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
    page.click(SAVE)
    page.wait_for_selector(".hp-secret")
    assert Endpoint.objects.get(description="in the first tab").customer == acme.customer
