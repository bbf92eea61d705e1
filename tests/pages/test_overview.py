"""The front page of both sites: charts from the roll-up, figures with the list behind each."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries import sql
from deliveries.admin.front import dashboard
from deliveries.admin.site import site_base
from deliveries.models import Alert, Delivery, DueDelivery, Endpoint, FailureGroup, Lane
from deliveries.models.rollup import ALL_ENDPOINTS
from deliveries.models.visible import OPERATOR
from deliveries.services.endpoints import create_endpoint, pause_endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.services.steps import an_hour_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

SITES = [("admin", "bob"), ("portal", "carol")]


def count(owner: object, attempts: int, *, error: str = "", status: int = 204) -> None:
    """Attempts of this hour."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    an_hour_of(owner, hour, attempts=attempts, error=error, status=status)


def chart_of(text: str) -> Any:
    """The data of the page's chart."""
    found = re.search(r'<script id="hp-chart" type="application/json">(.+?)</script>', text)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.django_db
@pytest.mark.parametrize(("site", "who"), SITES)
def test_an_empty_chart_says_when_something_will_be_there_and_where_it_is_now(
    site: str, who: str, request: pytest.FixtureRequest, acme: House
) -> None:
    browser: Client = request.getfixturevalue(who)
    link = f'here within a minute, and at once among the <a class="hp-link" href="/{site}/deliveries/delivery/">'
    assert link in browser.get(f"/{site}/").content.decode()
    count(ALL_ENDPOINTS, 1)
    count(acme.endpoint.pk, 1)
    assert link not in browser.get(f"/{site}/").content.decode()


@pytest.mark.django_db
def test_each_site_tells_what_its_viewer_may_know(bob: Client, carol: Client, acme: House, globex: House) -> None:
    count(ALL_ENDPOINTS, 30)
    count(ALL_ENDPOINTS, 10, error="http_5xx", status=500)
    count(acme.endpoint.pk, 7)
    count(globex.endpoint.pk, 23)
    theirs, mine = bob.get("/admin/").content.decode(), carol.get("/portal/").content.decode()
    assert "40 attempts in 24 hours, 75.00 % of them arrived." in theirs.replace("75 %", "75.00 %")
    assert "7 attempts in 24 hours, 100 % of them arrived." in mine
    arrived = {each["name"]: sum(each["data"]) for each in chart_of(mine)["series"]}
    assert arrived == {"arrived": 7, "refused": 0, "failed": 0, "unanswered": 0}
    assert chart_of(mine)["url"] == "/portal/deliveries/delivery/"
    assert "Globex" not in mine


@pytest.mark.django_db
@pytest.mark.parametrize(("site", "name"), SITES)
def test_each_figure_leads_to_a_list_that_takes_its_words(
    site: str, name: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(name)
    Lane.objects.filter(endpoint=acme.endpoint).update(rest_until=timezone.now() + timedelta(minutes=5))
    text = client.get(f"/{site}/").content.decode()
    links = [unescape(each) for each in re.findall(r'class="hp-figure" href="([^"]+)"', text)]
    assert len(links) == 8
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200, link
        assert not answer.context["asked"].troubles, link
    resting = next(link for link in links if "health=resting" in link)
    assert [row.pk for row in client.get(resting).context["listing"].rows] == [acme.endpoint.pk]


@pytest.mark.django_db
def test_an_endpoint_and_a_customer_have_charts_of_their_own_attempts(
    bob: Client, carol: Client, acme: House, globex: House
) -> None:
    count(acme.endpoint.pk, 7)
    count(globex.endpoint.pk, 23)
    endpoint = f"deliveries/endpoint/{acme.endpoint.public_id}/change/"
    customer = f"/admin/deliveries/customer/{acme.customer.public_id}/change/"
    for client, page in ((bob, f"/admin/{endpoint}"), (carol, f"/portal/{endpoint}"), (bob, customer)):
        text = client.get(page, {"span": "7d"}).content.decode()
        assert "7 attempts in 7 days, 100 % of them arrived." in text
        chart = chart_of(text)
        assert chart["url"].endswith(f"?{'customer' if page == customer else 'endpoint'}={row_id(acme, page)}")
        answer = client.get(chart["url"], {"since": chart["since"][0], "until": chart["until"][-1]})
        assert not answer.context["asked"].troubles


def row_id(house: House, page: str) -> str:
    """The id of the row that a page is about."""
    return house.customer.public_id if "/customer/" in page else house.endpoint.public_id


@pytest.mark.django_db
@pytest.mark.parametrize("span", ["7d", "30d", "nonsense", "\x00"])
def test_any_span_is_answered(span: str, bob: Client, acme: House) -> None:
    count(ALL_ENDPOINTS, 30)
    chart = chart_of(bob.get("/admin/", {"span": span}).content.decode())
    assert len(chart["labels"]) == {"7d": 168, "30d": 30}.get(span, 24)


@pytest.mark.django_db
@pytest.mark.parametrize(("site", "who", "most"), [("admin", "bob", 9), ("portal", "carol", 9)])
def test_the_front_page_asks_few_questions(
    site: str, who: str, most: int, request: pytest.FixtureRequest, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser: Client = request.getfixturevalue(who)
    add_all_that_is_listed(acme.endpoint, 1)
    browser.get(f"/{site}/")
    names, fetch = [], sql.fetch
    monkeypatch.setattr(sql, "fetch", lambda row, asked: names.append(sql.name_of(row)) or fetch(row, asked))
    with CaptureQueriesContext(connection) as asked:
        browser.get(f"/{site}/")
    others = [each["sql"] for each in asked if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(names) == 9
    assert len(others) <= most, others


@pytest.mark.django_db
def test_what_is_too_slow_on_the_front_page_spoils_no_other_figure(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two figures that are given up, when all are read together, then each is read by itself, and shown."""
    monkeypatch.setattr(dashboard, "COUNT_SECONDS", 0.3)
    monkeypatch.setattr(site_base, "COUNT_SECONDS", 0.3)

    def sleep(*_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(600)")

    monkeypatch.setattr(dashboard, "_counted", sleep)
    monkeypatch.setattr(dashboard, "_both_counted", sleep)
    text = bob.get("/admin/").content.decode()
    assert text.count("<b>many</b>") == 2
    assert "hp-figure" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("waiting", "held", "told"),
    [
        (0, 0, ("0", "0")),
        (2, 2, ("2", "2")),
        (3, 2, ("2+", "2")),
        (3, 3, ("2+", "2+")),
        (9, 0, ("2+", "0")),
        (9, 2, ("2+", "2")),
        (0, 9, ("0", "2+")),
        (2, 9, ("2", "2+")),
        (9, 9, ("2+", "2+")),
    ],
)
def test_what_waits_and_what_is_held_are_counted_at_once_and_each_to_its_limit(
    waiting: int, held: int, told: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "COUNT_LIMIT", 2)
    now, owner = timezone.now(), uuid4()
    for due_at in (*[now] * waiting, *[None] * held):
        DueDelivery.objects.create(delivery_id=uuid4(), endpoint_id=owner, event_id=uuid4(), due_at=due_at)
    DueDelivery.objects.create(delivery_id=uuid4(), endpoint_id=owner, event_id=uuid4(), manual=True)
    assert dashboard.queue_counts(dashboard.queue_of(OPERATOR)) == told


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("page", "who", "tables"),
    [("/admin/", "bob", 4), ("/portal/", "carol", 4), ("/admin/deliveries/customer/{}/change/", "bob", 2)],
)
def test_rows_of_overviews_ask_no_question_each(
    page: str, who: str, tables: int, request: pytest.FixtureRequest, acme: House
) -> None:
    """Given more of everything that an overview lists, then it asks the database no more often."""
    browser: Client = request.getfixturevalue(who)
    page = page.format(acme.customer.public_id)
    asked = []
    for number in range(1, 4):
        endpoint = create_endpoint(acme.customer, {"url": f"https://93.184.216.34/in/{number}"}, actor="system")[0]
        add_all_that_is_listed(endpoint, number)
        browser.get(page)
        with CaptureQueriesContext(connection) as statements:
            text = browser.get(page).content.decode()
        assert text.count(f"{endpoint.url}<") == tables
        asked.append(len(statements))
    assert len(set(asked)) == 1


def add_all_that_is_listed(endpoint: Endpoint, number: int) -> None:
    """An alert, a failure, a delivery that was given up; and the endpoint is paused."""
    now = timezone.now()
    pause_endpoint(endpoint, actor="user:carol", reason="maintenance")
    Alert.objects.create(kind=Alert.Kind.FAILING, endpoint=endpoint, since=now, created_at=now)
    same = {"endpoint": endpoint, "customer": endpoint.customer, "error": "http_5xx", "status_code": 500 + number}
    row = Delivery.objects.create(
        **same, event_id=uuid4(), event_type="invoice.paid", state="exhausted", created_at=now, failed_at=now
    )
    FailureGroup.objects.create(
        **same, first_at=now, last_at=now, deliveries=1, attempts=1, oldest_id=row.id, example_id=row.id
    )


@pytest.mark.django_db
def test_the_list_of_endpoints_shows_their_last_day(bob: Client, acme: House, globex: House) -> None:
    count(acme.endpoint.pk, 7)
    text = bob.get("/admin/deliveries/endpoint/").content.decode()
    assert "24 hours: 7 attempts arrived, 0 failed" in text
    assert "nothing was sent in 24 hours" in text


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_the_chart_is_drawn_and_a_column_leads_to_its_list(page: Page, acme: House) -> None:
    count(acme.endpoint.pk, 7)
    log_in(page, acme.member.user, site="portal")
    page.wait_for_function("Chart.getChart(document.querySelector('[data-hp-chart]')) !== undefined")
    box = page.locator("[data-hp-chart]").bounding_box()
    place = page.evaluate(
        "(() => { const at = Chart.getChart(document.querySelector('[data-hp-chart]')).getDatasetMeta(0).data.at(-1);"
        " return { x: at.x, y: at.y + 5 } })()"
    )
    assert box is not None
    page.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    page.wait_for_url("**/portal/deliveries/delivery/?since=*")
    assert page.locator("#result_list tbody tr").count() == 1


@pytest.mark.django_db
def test_each_endpoint_of_a_customer_shows_its_last_day(bob: Client, acme: House, globex: House) -> None:
    text = bob.get(f"/admin/deliveries/customer/{acme.customer.public_id}/change/").content.decode()
    assert text.count('class="hp-strip"') == 1
    assert "nothing was sent in 24 hours" in text
