"""The front page keeps itself up to date, and disturbs nobody who looks at it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries.admin.front import overview_live
from deliveries.models import FailureGroup
from deliveries.models.rollup import ALL_ENDPOINTS
from deliveries.services.endpoints import pause_endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.pages.test_overview import count

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOP = "(each) => each.getBoundingClientRect().y"
SITES = [("admin", "bob"), ("portal", "carol")]
NEEDS_BROWSER = pytest.mark.skipif(
    NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium"
)


@pytest.mark.django_db
@pytest.mark.parametrize(("site", "who"), SITES)
def test_the_part_is_sent_where_something_is_new_and_not_otherwise(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    long_ago = timezone.now() - timedelta(hours=30)  # else it is news that it is a second longer ago
    FailureGroup.objects.update(first_at=long_ago, last_at=long_ago)
    page = client.get(f"/{site}/")
    assert page.context["told"] in page.content.decode()
    address = page.context["live_url"]
    assert client.get(address).status_code == 204
    pause_endpoint(acme.endpoint, actor="system", reason="their data centre moves")
    news = client.get(address)
    assert news.status_code == 200
    assert "their data centre moves" in news.content.decode()
    assert "<html" not in news.content.decode()
    assert client.post(address).status_code == 405


@pytest.mark.django_db
def test_the_part_keeps_to_the_span_that_was_chosen(bob: Client, acme: House) -> None:
    address = bob.get("/admin/", {"span": "7d"}).context["live_url"]
    text = bob.get(address.replace("mark=", "mark=0")).content.decode()
    assert '<a class="hp-span hp-chosen" href="?span=7d"' in text


@pytest.mark.django_db
def test_the_part_of_a_member_tells_nothing_of_others(carol: Client, acme: House, globex: House) -> None:
    text = carol.get("/portal/live/").content.decode()
    assert acme.endpoint.url in text
    assert "Globex" not in text


@pytest.mark.django_db
def test_the_part_costs_no_more_than_the_page_that_it_is_of(bob: Client, acme: House) -> None:
    with CaptureQueriesContext(connection) as page:
        bob.get("/admin/")
    with CaptureQueriesContext(connection) as part:
        bob.get("/admin/live/")
    assert 0 < len(part) <= len(page)


def fails(house: House, number: int) -> None:
    """So many deliveries of a customer have failed by now."""
    FailureGroup.objects.filter(pk=house.failure.pk).update(deliveries=number, attempts=number, last_at=timezone.now())


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_figures_change_by_themselves_and_leave_focus_menu_scroll_and_chart_alone(
    page: Page, acme: House, globex: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given somebody who reads below, with a menu open, when a failure comes in above, then nothing moves."""
    monkeypatch.setattr(overview_live, "POLL", "1s")
    FailureGroup.objects.filter(pk=globex.failure.pk).delete()
    count(ALL_ENDPOINTS, 3)
    pause_endpoint(acme.endpoint, actor="system", reason="their data centre moves")
    page.set_viewport_size({"width": 1360, "height": 320})
    log_in(page, User.objects.create_superuser("alice"), site="admin")
    page.click(".hp-account")
    page.wait_for_selector("text=Log out")
    stopped = page.locator("section:has-text('Paused and disabled endpoints')").last
    stopped.locator("a").first.focus()
    stopped.evaluate("(each) => each.scrollIntoView()")
    before = stopped.evaluate(TOP)
    page.evaluate("document.getElementById('hp-live').dataset.before = ''")
    fails(acme, 77)
    FailureGroup.objects.create(
        **{
            name: getattr(globex.failure, name)
            for name in ("endpoint_id", "customer_id", "error", "status_code", "oldest_id", "example_id")
        },
        first_at=timezone.now(),
        last_at=timezone.now(),
        deliveries=5,
        attempts=5,
    )
    page.wait_for_selector("#hp-live:not([data-before]) td:text-is('77')", state="attached")
    assert abs(stopped.evaluate(TOP) - before) < 2
    assert page.evaluate("scrollY") > 0
    assert stopped.locator("a").first.evaluate("(each) => each === document.activeElement")
    assert page.is_visible("text=Log out")
    page.wait_for_selector("#hp-live:not([data-before]) [data-hp-chart][style]")  # drawn anew


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_a_hidden_page_asks_nothing_and_one_that_is_looked_at_again_asks_at_once(
    page: Page, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview_live, "POLL", "1s")
    log_in(page, acme.member.user, site="portal")
    page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
      window.away = true;
      window.asked = 0;
      addEventListener("htmx:beforeRequest", (event) => {
        if (event.defaultPrevented) document.body.classList.add("refused");
      });
      addEventListener("htmx:beforeSend", () => window.asked++);
    }""")
    page.wait_for_selector("body.refused")
    assert page.evaluate("window.asked") == 0
    fails(acme, 77)
    page.evaluate("htmx.findAll('[data-hp-live]').forEach((each) => clearInterval(each['htmx-internal-data'].timeout))")
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("td:text-is('77')")


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
def test_a_page_says_when_nobody_answers_any_more_and_as_of_when_it_is(
    refused_page: Page, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = refused_page
    monkeypatch.setattr(overview_live, "POLL", "1s")
    log_in(page, acme.member.user, site="portal")
    shown = page.locator("[data-hp-as-of] time").first.get_attribute("datetime")
    page.wait_for_selector(f"[data-hp-as-of] > :first-child time:not([datetime='{shown}'])")
    assert page.is_visible("text=kept up to date")
    page.context.set_offline(True)
    page.wait_for_selector("text=There is no answer at the moment: what is shown is of")
    assert not page.is_visible("text=kept up to date")
    page.context.set_offline(False)
    page.wait_for_selector("text=kept up to date")
