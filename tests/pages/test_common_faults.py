"""Faults that pages had in common: ids with a capital letter, moments in several forms, JSON for people, wide lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client

from deliveries.admin.words.audit_words import in_lines
from deliveries.models import AuditEntry, Delivery, Endpoint, Event, Lane
from deliveries.protocol.writing.ids import encode_id
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in, new_context
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pytest_django.live_server_helper import LiveServer

TEMPLATES = Path(__file__).resolve().parents[2] / "deliveries" / "templates"
ID = UUID("019aca11-0000-7000-8000-000000000001")


@pytest.mark.django_db
def test_what_a_page_is_about_is_written_as_it_is(alice: Client, acme: House) -> None:
    for row in (acme.endpoint, acme.event):
        text = alice.get(f"/admin/deliveries/{row._meta.model_name}/{row.public_id}/change/").content.decode()
        heading = re.search(r"<h1.*?</h1>", text, re.DOTALL)
        assert heading is not None
        assert str(row) in heading[0]
        assert str(row).capitalize() not in heading[0]


def test_every_moment_is_written_in_one_way() -> None:
    written = [path.name for path in TEMPLATES.rglob("*.html") if "|date:" in path.read_text()]
    assert not written, "{{ … |moment }} writes it"


@pytest.mark.django_db
def test_the_trail_names_ids_as_everywhere_and_shows_no_json(alice: Client, acme: House) -> None:
    detail = {"filters": {"endpoint_id": str(ID), "state": ["held", "exhausted"]}, "dry": True, "total": 3}
    entry = AuditEntry.objects.create(actor="user:alice", action="job.redeliver", object_id="job_1", detail=detail)
    text = alice.get(f"/admin/deliveries/auditentry/{entry.public_id}/change/").content.decode()
    assert str(ID) not in text
    assert "{&quot;" not in text
    assert "{&#x27;" not in text
    assert dict(in_lines(detail)) == {
        "filters endpoint id": encode_id("ep", ID),
        "filters state": "held, exhausted",
        "dry": "yes",
        "total": "3",
    }
    assert dict(in_lines({"none": None, "endpoint": "not an id", "empty": []})) == {
        "none": "none",
        "endpoint": "not an id",
        "empty": "none",
    }


@pytest.mark.django_db
def test_a_link_says_by_itself_where_it_leads(alice: Client, carol: Client, acme: House) -> None:
    """Given who hears a page's links one after the other, then none is called “open”, as six others are."""
    Delivery.objects.update(state="exhausted", failed_at=acme.failure.last_at)
    Endpoint.objects.update(state="paused")
    Lane.objects.update(failing_since=acme.failure.first_at)
    rows = (acme.customer, acme.event, acme.delivery, acme.failure, acme.endpoint)
    for client, site in ((alice, "admin"), (carol, "portal")):
        for address in (f"/{site}/", *(f"/{site}/deliveries/{page_of(row)}" for row in rows)):
            links = re.findall(r"<a [^>]*>\s*([^<]*?)\s*</a>", client.get(address).content.decode())
            assert not {"open", "here", "more"} & set(links), address


@pytest.mark.django_db
def test_what_was_given_up_is_called_by_one_word(alice: Client, acme: House) -> None:
    Delivery.objects.update(state="exhausted", failed_at=acme.failure.last_at)
    for page in ("", "deliveries/delivery/?state=exhausted", f"deliveries/{page_of(acme.delivery)}"):
        text = alice.get(f"/admin/{page}").content.decode()
        assert ">given up<" in text.lower(), page
        assert ">exhausted<" not in text.lower(), page


def page_of(row: Model) -> str:
    """Where a row's page is on either site."""
    return f"{row._meta.model_name}/{row.public_id}/change/"  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_box_for_text_is_no_larger_than_what_is_in_it(alice: Client, carol: Client, acme: House) -> None:
    forms = {
        alice: ("apiversion/add", "eventtype/add", page_of(acme.event_type)),
        carol: ("eventtype/add", "endpoint/add"),
    }
    for client, pages in forms.items():
        site = "admin" if client is alice else "portal"
        for page in pages:
            text = client.get(f"/{site}/deliveries/{page.rstrip('/')}/").content.decode()
            boxes = re.findall(r"<textarea[^>]*>", text)
            assert boxes, page
            assert [box for box in boxes if "field-sizing-content" not in box] == [], page


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do(alice: Client) -> None:
    for noun in ("customer", "member", "eventtype", "apikey", "event", "endpoint", "delivery", "failuregroup", "job"):
        text = alice.get(f"/admin/deliveries/{noun}/").content.decode()
        assert "There is nothing here yet" not in text, noun
        assert "hp-empty" in text, noun


@pytest.mark.django_db
def test_the_front_page_of_the_portal_asks_few_questions(carol: Client) -> None:
    carol.get("/portal/")
    asked: list[str] = []

    def note(execute: object, sql: str, *rest: object) -> object:
        asked.append(sql)
        return execute(sql, *rest)  # type: ignore[operator]

    with connection.execute_wrapper(note):
        carol.get("/portal/")
    assert 10 < len(asked) <= 30, asked


class TestInABrowser:
    """The list of deliveries at its widest, in a zone that is not UTC."""

    pytestmark = NEEDS_CHROMIUM

    def test_the_list_of_deliveries_fits_1440_pixels_with_local_time_beside_utc(
        self, browser: Browser, live_server: LiveServer, acme: House
    ) -> None:
        Endpoint.objects.update(url="https://webhooks.a-rather-long-name.example.com/integrations/hookpost/receive")
        Event.objects.update(type="subscription.payment_method.expiring")
        Delivery.objects.update(
            event_type="subscription.payment_method.expiring", error="connection_refused", attempts=12
        )
        acme.customer.name = "The International Trading Company of Somewhere Ltd"
        acme.customer.save()
        context = new_context(
            browser, base_url=live_server.url, viewport={"width": 1440, "height": 900}, timezone_id="Asia/Kolkata"
        )
        page = context.new_page()
        log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
        page.goto("/admin/deliveries/delivery/")
        assert page.locator("#result_list .hp-local").count() > 0
        width = page.evaluate("[...document.querySelectorAll('.hp-scroll')].map(e => e.scrollWidth - e.clientWidth)")
        assert width == [0]
        page.goto("/admin/")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440
        page.goto("/admin/profile/")
        page.fill("[name=time_zone]", "America/New_York")
        page.click("button:has-text('Save')")
        page.wait_for_selector("text=Beside UTC you read times of America/New_York.")
        page.goto("/admin/deliveries/delivery/")
        made = acme.delivery.created_at.astimezone(ZoneInfo("America/New_York"))
        assert f"{made:%H:%M} local" in page.inner_text("#result_list .hp-local")
        context.close()
