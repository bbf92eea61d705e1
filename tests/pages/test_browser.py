"""The pages in a real browser: both main paths, no error in its console, no request to anywhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from deliveries.admin.parts import paging
from deliveries.models import AuditEntry, Delivery, Endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in
from tests.pages.conftest import House
from tests.pages.test_deliveries import emit

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = NEEDS_CHROMIUM


def test_a_member_registers_an_endpoint_and_sees_the_secret_once(
    page: Page, acme: House, receiver_ports: list[int]
) -> None:
    log_in(page, acme.member.user, site="portal")
    page.click("#nav-sidebar >> text=Endpoints")
    page.goto("/portal/deliveries/endpoint/add/")
    page.fill("#id_url", "http://169.254.169.254/")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=The URL must start with https://")
    page.fill("#id_url", f"http://127.0.0.1:{receiver_ports[0]}/from-the-browser")
    page.check("input[value='acme.own']")
    page.click("button:has-text('Save')")
    secret = page.inner_text("#hp-value")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    page.clock.install()
    for _ in range(2):  # who copies again sees again that it was done
        page.click("[data-hp-copy=hp-value]:text-is('Copy')")
        page.wait_for_selector("[data-hp-copy=hp-value]:text-is('Copied')")
        page.clock.run_for(3000)
        page.wait_for_selector("[data-hp-copy=hp-value]:text-is('Copy')")
    page.reload()  # the address was replaced: this asks for the endpoint's page, and creates nothing
    assert secret not in page.content()
    endpoint = Endpoint.objects.get(url__endswith="/from-the-browser")
    assert endpoint.event_types == ["acme.own"]


def test_support_finds_a_failure_and_sends_it_again(page: Page, acme: House) -> None:
    log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
    page.click("#nav-sidebar >> text=Deliveries")
    page.click("summary:has-text('Filters')")
    page.fill("input[name=customer]", "acme")
    page.click("button:has-text('Apply filters')")
    page.click("#result_list tbody th a")
    page.wait_for_selector("text=there is nothing at this path")
    page.fill("input[name=reason]", "they fixed it")
    page.click("button:has-text('Redeliver')")
    page.wait_for_selector("text=One more attempt is on its way.")
    assert AuditEntry.objects.get(action="delivery.redeliver").reason == "they fixed it"


def test_an_attackers_answer_is_text_in_the_browser(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.goto(f"/portal/deliveries/delivery/{acme.delivery.public_id}/change/")
    page.wait_for_selector("text=<script>alert(1)</script>")
    assert page.query_selector("a[href*='evil.example']") is None


def test_bulk_redelivery_is_offered_after_a_choice(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.goto("/portal/deliveries/delivery/")
    page.check("input.action-select")
    page.click("button:has-text('Redeliver selected')")
    page.click("button:has-text('Redeliver')")
    assert page.wait_for_selector("text=1 delivery is being sent again.") is not None


def test_what_the_filter_shows_is_taken_along_as_a_file(page: Page, acme: House, globex: House) -> None:
    log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
    page.goto("/admin/deliveries/delivery/?customer=globex")
    with page.expect_download() as download:
        page.click("text=Export as CSV")
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert [line.partition(",")[0] for line in lines] == ["delivery", globex.delivery.public_id]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_telephone_in_both_themes(page: Page, acme: House, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 420, "height": 900})
    log_in(page, acme.member.user, site="portal")
    for path in (
        "",
        "deliveries/delivery/",
        "deliveries/endpoint/add/",
        f"deliveries/delivery/{acme.delivery.pk}/change/",
    ):
        page.goto(f"/portal/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 420, path


def test_longer_words_fit_the_narrowest_telephone(page: Page, acme: House) -> None:
    """Given Spanish, which needs a third more room, then nothing is cut off or scrolls sideways at 320 pixels."""
    page.set_extra_http_headers({"accept-language": "es"})
    page.set_viewport_size({"width": 320, "height": 700})
    log_in(page, acme.member.user, site="portal")
    endpoint = f"deliveries/endpoint/{acme.endpoint.public_id}/change/"
    for path in ("", "deliveries/delivery/", "profile/", "members/", "second-factor/", endpoint):
        page.goto(f"/portal/{path}")
        page.wait_for_selector(".hp-local, main form", state="attached")
        wide = page.evaluate("""[document.documentElement, ...document.querySelectorAll(".hp-scroll")]
            .filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent.slice(0, 200))""")
        assert wide == [], path


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_what_adds_leaves_the_title_its_room_on_a_telephone(page: Page, acme: House, language: str) -> None:
    """Given 320 pixels, then the title of each list is whole, and the button beside it has a name for who listens."""
    page.set_extra_http_headers({"accept-language": language})
    page.set_viewport_size({"width": 320, "height": 700})
    log_in(page, acme.member.user, site="portal")
    for noun in ("endpoint", "apikey", "eventtype"):
        page.goto(f"/portal/deliveries/{noun}/")
        inside, room = page.eval_on_selector("h1", "(title) => [title.scrollWidth, title.clientWidth]")
        assert inside <= room, noun
        words = page.inner_text("header .hp-add span")
        assert page.get_by_role("link", name=words, exact=True).count() >= 1, noun


def test_a_page_of_a_list_that_is_not_full_asks_for_what_follows(
    page: Page, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given windows of 5 rows and no time for a second one, then rare rows of several windows come onto one page."""
    monkeypatch.setattr(paging, "WINDOW", 5)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 0.0)
    emit(acme, 20)
    rare = list(Delivery.objects.order_by("id").values_list("id", flat=True)[1:12:5])
    Delivery.objects.filter(id__in=rare).update(event_type="contract.terminated")
    log_in(page, acme.member.user, site="portal")
    page.goto("/portal/deliveries/delivery/?type=contract.terminated")
    page.locator("#result_list tbody tr").nth(2).wait_for()
    page.wait_for_selector(".hp-pager [rel=next]", state="detached")
    assert page.locator("#result_list tbody tr").count() == 3
    assert page.inner_text("[data-hp-number]").startswith("3 on this page")
    page.check("[data-hp-all]")
    assert "3 of 3" in page.inner_text("[data-hp-count]")
    page.goto("/portal/deliveries/delivery/?type=nothing.at.all")
    page.wait_for_selector("text=Nothing matches all of this.")


def test_a_search_that_goes_on_by_itself_can_be_stopped(
    page: Page, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a part that is still under way when somebody stops, then nothing follows it but what they ask for."""
    monkeypatch.setattr(paging, "WINDOW", 5)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 0.0)
    emit(acme, 20)
    log_in(page, acme.member.user, site="portal")
    under_way: list[Route] = []
    page.route("**/delivery/**", lambda route: hold(route, under_way))
    with page.expect_request(lambda request: request.resource_type == "fetch"):
        page.goto("/portal/deliveries/delivery/?type=nothing.at.all")
    page.click("[data-hp-stop]")
    under_way[0].continue_()
    page.wait_for_selector("[data-hp-stop]", state="hidden")
    assert page.is_visible(".hp-pager [rel=next]")
    assert len(under_way) == 1


def hold(route: Route, under_way: list[Route]) -> None:
    """Keep what a script asks for under way."""
    if route.request.resource_type == "fetch":
        under_way.append(route)
    else:
        route.continue_()
