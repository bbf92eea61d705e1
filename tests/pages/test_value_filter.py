"""Events are found by a value in their data, whole and as text, among what the viewer may see."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import Event
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.event_erasure import erase_content
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db
EVENTS = "deliveries/event/"


def emit(house: House, data: bytes) -> Event:
    """An event that says this."""
    accepted = accept_event(EventDraft(customer_id=house.customer.id, type="invoice.paid", data=data))
    return Event.objects.get(pk=accepted.event_id)


def found(client: Client, site: str, value: str) -> list[object]:
    """What the list shows for a value."""
    answer = client.get(f"/{site}/{EVENTS}", {"value": value})
    assert answer.status_code == 200
    return [row.pk for row in answer.context["listing"].rows]


def test_a_value_leads_to_the_events_that_hold_it(bob: Client, carol: Client, acme: House, globex: House) -> None:
    mine = emit(acme, b'{"invoice":{"id":"inv_42"},"by":"M\\u00fcller \\"jr\\""}')
    emit(acme, b'{"invoice":{"id":"inv_421"}}')
    theirs = emit(globex, '{"invoice":"inv_42","by":"Müller"}'.encode())
    assert found(bob, "admin", "inv_42") == [theirs.pk, mine.pk]
    assert found(carol, "portal", "inv_42") == [mine.pk]
    assert found(carol, "portal", 'Müller "jr"') == [mine.pk]
    assert found(bob, "admin", "Müller") == [theirs.pk]
    assert found(carol, "portal", "%") == []
    erase_content(mine, actor="system")
    assert found(carol, "portal", "inv_42") == []


def test_a_search_that_finds_nothing_offers_the_data(carol: Client, acme: House) -> None:
    text = carol.get("/portal/find/", {"q": "inv_42 & more"}).content.decode()
    assert '<a class="hp-link" href="/portal/deliveries/event/?value=inv_42+%26+more">' in text
    assert "?value=" not in carol.get("/portal/find/", {"q": "127.0.0.1"}).content.decode()
