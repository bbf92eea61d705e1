"""A delivery window in the endpoint's form, in words."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import Endpoint
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db


def test_a_member_writes_a_delivery_window_in_words(carol: Client, acme: House) -> None:
    page = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"
    form = {"url": acme.endpoint.url, "signing": "standard", "payload_mode": "full", "max_in_flight": "10"}
    form |= {"timeout_seconds": "15"}
    assert "A delivery window" in carol.post(page, {**form, "window": "always"}).content.decode()
    carol.post(page, {**form, "window": "Mon-Wed 08:00-18:00 Europe/Berlin"})
    kept = {"days": ["mon", "tue", "wed"], "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin"}
    assert Endpoint.objects.get(pk=acme.endpoint.pk).delivery_window == kept
    assert 'value="mon,tue,wed 08:00-18:00 Europe/Berlin"' in carol.get(page).content.decode()
    carol.post(page, {**form, "window": ""})
    assert Endpoint.objects.get(pk=acme.endpoint.pk).delivery_window is None
