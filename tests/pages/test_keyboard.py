"""The commonest jobs without a mouse: nothing here clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from deliveries.models import AuditEntry, Endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, front_page
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM
FOCUSED = "(document.activeElement.textContent || document.activeElement.name || '').trim().replace(/\\s+/g, ' ')"
STEPS = 80


def walk_to(page: Page, text: str, *, key: str = "Tab") -> None:
    """Press Tab until what has the focus says this."""
    for _ in range(STEPS):
        page.keyboard.press(key)
        if page.evaluate(FOCUSED).startswith(text):
            return
    raise AssertionError(f"no way to {text!r} by {key}")


def log_in_by_keys(page: Page, user: User, *, site: str) -> None:
    """Log in: name, password, Enter."""
    user.set_password(PASSWORD)
    user.save()
    page.goto(f"/{site}/")
    page.focus("#id_username")
    page.keyboard.type(user.get_username())
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(front_page(site))  # with its scripts: before, a key does nothing


def test_support_finds_filters_and_redelivers_without_a_mouse(page: Page, acme: House) -> None:
    log_in_by_keys(page, User.objects.create_superuser("alice"), site="admin")
    page.keyboard.press("/")
    page.keyboard.type(acme.endpoint.public_id)
    page.keyboard.press("Enter")  # what is named exactly is opened
    page.wait_for_url("**/endpoint/*/change/")
    page.goto("/admin/deliveries/delivery/")
    walk_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    walk_to(page, "Filters")
    page.keyboard.press("Enter")
    walk_to(page, "customer")
    page.keyboard.type("acme")
    page.keyboard.press("Enter")
    page.wait_for_url("**customer=acme**")
    walk_to(page, f"…{acme.delivery.public_id[-6:]}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    page.keyboard.press("r")
    page.keyboard.type("they fixed it")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=One more attempt is on its way.")
    assert AuditEntry.objects.get(action="delivery.redeliver").reason == "they fixed it"


def test_a_member_registers_an_endpoint_and_logs_out_without_a_mouse(
    page: Page, acme: House, receiver_ports: list[int]
) -> None:
    log_in_by_keys(page, acme.member.user, site="portal")
    walk_to(page, "hubEndpoints")  # the icon, then the word
    page.keyboard.press("Enter")
    page.wait_for_url("**/deliveries/endpoint/")
    walk_to(page, "Add endpoint")
    page.keyboard.press("Enter")
    page.wait_for_url("**/add/")
    walk_to(page, "url")
    page.keyboard.type(f"http://127.0.0.1:{receiver_ports[0]}/by-keys")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hp-value")
    page.wait_for_load_state()
    assert Endpoint.objects.filter(url__endswith="/by-keys").exists()
    walk_to(page, f"C {acme.member.user.get_username()}", key="Shift+Tab")
    page.keyboard.press("Enter")
    walk_to(page, "Log out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal/logout/")
