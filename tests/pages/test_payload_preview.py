"""The page of what would be sent, in the portal and for staff."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import Endpoint
from deliveries.services.accepting.events import EventDraft, accept_event
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_settings_are_tried_on_the_last_events_and_nothing_is_changed(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    data = b'{"amount": 50, "by": "<b>Eve</b>"}'
    accept_event(EventDraft(type="order.made", data=data, customer_id=acme.customer.id))
    client = bob if site == "admin" else carol
    page = f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}"
    assert f"{page}/payload/" in client.get(f"{page}/change/").content.decode()
    assert "order.made" in client.get(f"{page}/payload/").content.decode()
    form = {"payload_mode": "full", "body_format": "json", "method": "PUT", "preset": "", "transformation": "data.by"}
    text = client.post(f"{page}/payload/", form).content.decode()
    assert "<b>Eve</b>" not in text
    assert "&lt;b&gt;Eve&lt;/b&gt;" in text
    assert "made nothing of this event" in text  # one holds a number that is out of range
    text = client.post(f"{page}/payload/", form | {"preset": "discord"}).content.decode()
    assert "allowed_mentions" in text
    text = client.post(f"{page}/payload/", form | {"transformation": "("}).content.decode()
    assert "cannot be read" in text
    assert (Endpoint.objects.get().method, Endpoint.objects.get().transformation) == ("POST", "")
