"""Versions on pages: what was sent in which, and of which it was made."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from deliveries.models import ApiVersion, Attempt, Endpoint, Event, EventType, VersionChange
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.catalogue import version_table
from deliveries.services.catalogue.api_versions import create_version, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

SITES = pytest.mark.parametrize("site", ["admin", "portal"])


@pytest.fixture
def versions(acme: House) -> Iterator[None]:
    """Two versions, with the second of which invoice.paid changes; the house's event is of the second."""
    version_table._forget()
    create_event_type({"name": "invoice.paid", "schema": {"properties": {"old": {"type": "string"}}}}, actor="system")
    release_version(create_version({"name": "2025-11-01"}, actor="system"), actor="system")
    version = create_version({"name": "2026-11-01"}, actor="system")
    change = {"down": "{old: 'x'}", "schema": {"properties": {"new": {"type": "string"}}}, "example": {"new": "y"}}
    save_change(version, "invoice.paid", change, actor="system")
    release_version(version, actor="system")
    Event.objects.filter(pk=acme.delivery.event_id).update(api_version="2026-11-01", type="invoice.paid")
    yield
    version_table._forget()


@SITES
def test_a_delivery_says_in_which_version_it_was_sent_and_of_which_it_was_made(
    site: str, bob: Client, carol: Client, acme: House, versions: None
) -> None:
    client = bob if site == "admin" else carol
    Attempt.objects.update(request_url="https://a.example/", request_headers="webhook-version: 2025-11-01")
    page = f"/{site}/deliveries/delivery/{acme.delivery.public_id}/change/"
    text = client.get(page).content.decode()
    assert text.count("In version 2025-11-01, made of 2026-11-01.") == 2, "of the attempt, and of what is sent now"
    VersionChange.objects.update(down="", updated_at="2026-12-01T00:00:00Z")
    version_table._forget()
    text = client.get(page).content.decode()
    assert "It is not sent: no mapping of invoice.paid is declared from 2026-11-01 to 2025-11-01." in text
    Endpoint.objects.update(api_version="2026-11-01")
    assert "In version 2026-11-01." in client.get(page).content.decode()
    event = client.get(f"/{site}/deliveries/event/{acme.delivery.event.public_id}/change/").content.decode()
    assert "2026-11-01" in event
    assert ApiVersion.objects.count() == 2


@SITES
def test_without_versions_no_page_speaks_of_any(site: str, bob: Client, carol: Client, acme: House) -> None:
    client = bob if site == "admin" else carol
    version_table._forget()
    for page in (
        f"delivery/{acme.delivery.public_id}/change/",
        f"event/{acme.delivery.event.public_id}/change/",
        f"endpoint/{acme.endpoint.public_id}/payload/",
    ):
        text = client.get(f"/{site}/deliveries/{page}").content.decode()
        assert "In version" not in text
        assert not re.search(r"API version\b(?!s)", text), "but in the staff's menu"


@SITES
def test_a_version_is_tried_on_the_last_events_and_then_chosen(
    site: str, bob: Client, carol: Client, acme: House, versions: None
) -> None:
    client = bob if site == "admin" else carol
    page = f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}"
    accept_event(EventDraft(type="invoice.paid", data=b'{"new": "y"}', customer_id=acme.customer.id))
    assert "webhook-version: 2025-11-01" in client.get(f"{page}/payload/").content.decode()
    tried = {"payload_mode": "full", "body_format": "json", "method": "POST", "api_version": "2026-11-01"}
    text = client.post(f"{page}/payload/", tried).content.decode()
    assert "webhook-version: 2026-11-01" in text
    assert Endpoint.objects.get(pk=acme.endpoint.pk).api_version is None
    for page in (f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/", "/portal/deliveries/endpoint/add/"):
        text = carol.get(page).content.decode()
        chosen = "2026-11-01" if "add" in page else "2025-11-01"
        assert re.findall(r'<option value="(20[^"]*)"\s+selected', text) == [chosen]
        assert set(re.findall(r'<option value="(20[^"]*)"', text)) == {"2025-11-01", "2026-11-01"}


def test_the_catalogue_shows_a_type_as_the_customers_endpoints_get_it(
    carol: Client, acme: House, versions: None
) -> None:
    row = EventType.objects.get(name="invoice.paid", customer=None)
    page = f"/portal/catalogue/{row.public_id}/"
    text = carol.get(page).content.decode()
    assert "<strong>2025-11-01</strong>" in text
    assert '<td class="hp-code">old</td>' in text
    text = carol.get(page, {"version": "2026-11-01"}).content.decode()
    assert '<td class="hp-code">new</td>' in text
    Endpoint.objects.filter(customer=acme.customer).update(api_version="2026-11-01")
    assert "<strong>2026-11-01</strong>" in carol.get(page).content.decode()
