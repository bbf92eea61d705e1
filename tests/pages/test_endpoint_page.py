"""An endpoint's page as a person uses it: what comes first, where the buttons stand, what who only looks is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.protocol.who.member_roles import MemberRole
from deliveries.services.people.members import add_member, change_role
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House, logged_in
from tests.services.steps import an_hour_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEPS = 40
IN_SIGHT = "(part => { const box = part.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0; })"
COVERED = """() => {
  const [field, buttons] = [document.activeElement, document.querySelector("#submit-row")];
  const box = field.getBoundingClientRect();
  const isBelow = buttons.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
  return !buttons.contains(field) && isBelow;
}"""


def endpoint_page(house: House, site: str) -> str:
    """The address of the page."""
    return f"/{site}/deliveries/endpoint/{house.endpoint.public_id}/change/"


def attempts(house: House) -> None:
    """Have something that a chart can show."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    an_hour_of(house.endpoint.pk, hour, attempts=7)


@pytest.fixture
def viktor(acme: House) -> Client:
    """Somebody of Acme who only looks."""
    member = add_member(acme.customer, "viktor", actor="system")
    change_role(member, MemberRole.VIEWER, actor="system")
    return logged_in(member.user)


@pytest.mark.django_db
@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_test_is_sent_above_the_chart_and_settings_come_last(
    site: str, alice: Client, carol: Client, acme: House
) -> None:
    attempts(acme)
    text = (alice if site == "admin" else carol).get(endpoint_page(acme, site)).content.decode()
    parts = ("Send a test event", "What fails", "data-hp-chart", 'id="again"', 'id="endpoint_form"', 'id="submit-row"')
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.index('id="submit-row"') < text.index("</form>", places[-2])
    for place in re.findall(r'class="hp-link" href="#([^"]+)"', text):
        assert f'id="{place}"' in text


@pytest.mark.django_db
def test_no_chart_is_drawn_of_nothing(carol: Client, acme: House) -> None:
    text = carol.get(endpoint_page(acme, "portal")).content.decode()
    assert "No attempt is counted in this time." in text
    assert not {"data-hp-chart", "hp-figure"} & set(re.findall(r"data-hp-chart|hp-figure\b", text))
    attempts(acme)
    text = carol.get(endpoint_page(acme, "portal")).content.decode()
    assert "No attempt is counted in this time." not in text
    assert {"data-hp-chart", "hp-figure"} <= set(re.findall(r"data-hp-chart|hp-figure\b", text))


@pytest.mark.django_db
def test_who_only_looks_is_told_why_nothing_can_be_done(
    viktor: Client, carol: Client, alice: Client, acme: House
) -> None:
    for page in (endpoint_page(acme, "portal"), "/portal/", "/portal/deliveries/delivery/", "/portal/catalogue/"):
        text = viktor.get(page).content.decode()
        assert "As a viewer you look, and change nothing" in text
        assert 'href="/portal/members/">members</a>' in text
        assert "As a viewer" not in carol.get(page).content.decode()
    assert "As a viewer" not in alice.get("/admin/").content.decode()


@pytest.mark.django_db
def test_who_only_looks_reads_settings_in_words(viktor: Client, acme: House) -> None:
    text = viktor.get(endpoint_page(acme, "portal")).content.decode()
    ordered = re.search(r'field-ordered".*?class="readonly[^>]*>(.*?)</div>', text, re.DOTALL)
    assert ordered is not None
    assert ordered[1].strip() == "no"
    assert 'name="_save"' not in text


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_save_covers_nothing_but_the_form(page: Page, acme: House) -> None:
    attempts(acme)
    log_in(page, acme.member.user, site="portal")
    page.goto(endpoint_page(acme, "portal"))
    assert page.eval_on_selector("button:has-text('Send a test event')", IN_SIGHT)
    assert not page.eval_on_selector("#submit-row", IN_SIGHT)
    page.click("text=Settings")
    page.wait_for_function(f"{IN_SIGHT}(document.querySelector('#submit-row'))")


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_no_field_with_the_focus_is_below_the_buttons(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.goto(endpoint_page(acme, "portal"))
    page.focus("#id_url")
    for _ in range(STEPS):
        page.keyboard.press("Tab")
        assert not page.evaluate(COVERED), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.name") == "_save":
            return
    raise AssertionError("no way to Save by Tab")
