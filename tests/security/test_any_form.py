"""No form of the staff's site or the portal is answered with a 500, whatever is in its fields or its address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deliveries.admin.site.sites import portal_site, staff_site
from tests.api.logs import log_attempt, log_delivery
from tests.security.steps import a_member, an_endpoint, logged_in

pytestmark = pytest.mark.django_db

NASTY = [
    "\x00",
    "\udcff",
    "x" * 70_000,
    "99999999999999999999999999",
    '{"\\u0000":1e400}',
    "[" * 5000,
    "<script>alert(1)</script>",
    "0001-01-01",
]
PARAMETERS = ["q", "p", "o", "_changelist_filters", "_popup", "_to_field", "state", "customer", "id__exact"]


class Fields(HTMLParser):
    """The names of a page's form fields, with what is in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a field."""
        given = dict(attrs)
        if tag in ("input", "textarea", "select") and given.get("name"):
            self.found[str(given["name"])] = given.get("value") or ""


@pytest.fixture
def browsers() -> dict[str, Client]:
    """Somebody who may do everything on each site, with one of everything to look at."""
    endpoint, _ = an_endpoint()
    delivery = log_delivery(endpoint, state="exhausted")
    log_attempt(delivery)
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    found = {"admin": logged_in(root), "portal": logged_in(a_member(endpoint.customer))}
    for browser in found.values():
        browser.raise_request_exception = False
    return found


SITES = {"admin": staff_site, "portal": portal_site}
PAGES = [
    (site, f"/{site}/{model._meta.app_label}/{model._meta.model_name}/")
    for site, registry in SITES.items()
    for model in registry._registry
]


def forms_of(browser: Client, place: str) -> list[str]:
    """The addresses below a list that have a form: adding, and what the first row offers."""
    answer = browser.get(place)
    page = answer.content.decode() if answer.status_code == 200 else ""
    rows = re.findall(rf'href="({re.escape(place)}[^"/?]+/)change/', page)
    return [f"{place}add/", *(f"{rows[0]}{ending}" for ending in ("change/", "delete/", "history/") if rows)]


@pytest.mark.parametrize(("site", "place"), PAGES)
def test_any_value_in_any_field_is_answered(site: str, place: str, browsers: dict[str, Client]) -> None:
    browser = browsers[site]
    for address in forms_of(browser, place):
        answer = browser.get(address)
        assert answer.status_code < 500, address
        fields = Fields(answer.content.decode()).found if answer.status_code == 200 else {}
        for names, value in nasty_fields(list(fields)):
            given = fields | {name: text(value) for name in names}
            assert_answered(browser.post(address, given), address, names, value[:40])


def nasty_fields(names: list[str]) -> Iterator[tuple[list[str], str]]:
    """Each value in all fields at once, then in one alone while the others are right; of many fields one each."""
    yield from ((names, value) for value in NASTY if names)
    for place, name in enumerate(names):
        for value in NASTY if len(names) < 8 else [NASTY[place % len(NASTY)]]:
            yield [name], value


def text(value: str) -> Any:
    """A value as a form can carry it: what is no text goes as bytes."""
    return value.encode("utf-8", "surrogateescape") if "\udcff" in value else value


@pytest.mark.parametrize(("site", "place"), PAGES)
def test_any_list_address_is_answered(site: str, place: str, browsers: dict[str, Client]) -> None:
    browser = browsers[site]
    for name in PARAMETERS:
        for value in NASTY[:5]:
            given = quote(text(value[:3000]))
            assert_answered(browser.get(f"{place}?{name}={given}"), place, name, value[:40])


@pytest.mark.parametrize(("site", "place"), PAGES)
def test_any_name_of_a_row_is_answered(site: str, place: str, browsers: dict[str, Client]) -> None:
    for value in NASTY:
        for ending in ("change/", "delete/", "history/", "pause/", ""):
            address = place + quote(text(value[:3000]), safe="") + "/" + ending
            assert_answered(browsers[site].get(address), address[:80])


def assert_answered(answer: Any, *what: object) -> None:
    """Fail on a 500, on a redirect elsewhere, and on markup that came through."""
    assert answer.status_code < 500, what
    assert not answer.headers.get("Location", "").startswith(("//", "http")), what
    if not answer.streaming:
        assert b"<script>alert(1)" not in answer.content, what
