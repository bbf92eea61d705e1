"""The page of what a filter would match, in the portal and for staff."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.services.accepting.events import EventDraft, accept_event
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_filter_is_tried_and_explained_and_what_is_wrong_stands_at_its_field(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    data = b'{"amount": 50, "by": "<b>Eve</b>"}'
    accept_event(EventDraft(type="order.made", data=data, customer_id=acme.customer.id))
    client = bob if site == "admin" else carol
    page = f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}"
    assert f"{page}/filter/" in client.get(f"{page}/change/").content.decode()
    text = client.get(f"{page}/filter/").content.decode()
    assert "2 of 2 events would match" in text
    query = {"filter": '$.data.amount > 100 || $.data.by == "x"', "event_types": "order.*", "only": ""}
    text = client.get(f"{page}/filter/", query).content.decode()
    assert "0 of 2 events would match" in text
    assert "The event has 50 there." in text
    assert "another event type" in text
    assert "<b>Eve</b>" not in text
    assert "&lt;b&gt;Eve&lt;/b&gt;" in text
    text = client.get(f"{page}/filter/", query | {"filter": "", "tags": "eu"}).content.decode()
    assert "tags: The event has no tag, and needs one of eu." in text
    text = client.get(f"{page}/filter/", query | {"filter": "$.a =="}).content.decode()
    assert "is missing" in text
    assert "would match</h2>" not in text
