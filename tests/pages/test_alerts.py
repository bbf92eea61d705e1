"""Alerts on the front pages: the staff see all of them, a member those of their own customer."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.models import Alert, Endpoint
from deliveries.services.endpoints import disable_endpoint
from deliveries.services.telling.alerts import note_cannot_send
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

TITLE = "Alerts of the last 7 days"


def front_page(client: Client, site: str) -> str:
    """The front page."""
    return client.get(f"/{site}/").content.decode()


def test_the_staff_see_every_alert_and_whether_somebody_was_written_to(bob: Client, acme: House, globex: House) -> None:
    assert TITLE not in front_page(bob, "admin")
    for house in (acme, globex):
        disable_endpoint(house.endpoint, actor="system", reason=f"{house.customer.name} is gone")
    note_cannot_send(acme.endpoint.id, reason="HOOKPOST_ENCRYPTION_KEYS: no key 'k1'")
    Alert.objects.filter(endpoint=acme.endpoint).update(mail_due_at=None, mailed_at=timezone.now())
    text = front_page(bob, "admin")
    for expected in (
        TITLE,
        "Acme is gone",
        "Globex is gone",
        "HOOKPOST_ENCRYPTION_KEYS",
        "waits",
        "Nothing can be sent",
    ):
        assert expected in text


def test_a_member_sees_the_alerts_of_their_own_endpoints_only(carol: Client, acme: House, globex: House) -> None:
    for house in (acme, globex):
        disable_endpoint(house.endpoint, actor="system", reason=f"{house.customer.name} is gone")
    note_cannot_send(acme.endpoint.id, reason="HOOKPOST_ENCRYPTION_KEYS: no key 'k1'")
    text = front_page(carol, "portal")
    assert "Acme is gone" in text
    assert "Globex" not in text
    assert "HOOKPOST_ENCRYPTION_KEYS" not in text


def test_what_others_chose_is_text(bob: Client, acme: House) -> None:
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(url="https://a.example/<script>alert(1)</script>")
    disable_endpoint(acme.endpoint, actor="system", reason="<b>gone</b>")
    text = front_page(bob, "admin")
    assert "&lt;b&gt;gone" in text
    assert "<script>alert" not in text
