"""Versions on pages: what was sent in which, and of which it was made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from deliveries.models import ApiVersion, Attempt, Endpoint, Event, VersionChange
from deliveries.services import version_table
from deliveries.services.api_versions import create_version, release_version, save_change
from deliveries.services.event_types import create_event_type
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
        assert "API version" not in text
