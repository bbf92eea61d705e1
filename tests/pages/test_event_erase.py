"""Erasing what an event says, on its page: who is offered it, what is asked first, and what the pages say then."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import AuditEntry, Event
from tests.pages.conftest import House
from tests.pages.test_members import with_role

pytestmark = pytest.mark.django_db


def page_of(house: House, site: str) -> str:
    return f"/{site}/deliveries/event/{house.delivery.event.public_id}"


@pytest.mark.parametrize(("who", "site"), [("alice", "admin"), ("carol", "portal")])
def test_the_content_is_erased_after_a_question_and_the_pages_say_so(
    who: str, site: str, request: pytest.FixtureRequest, acme: House
) -> None:
    client: Client = request.getfixturevalue(who)
    page = page_of(acme, site)
    assert f"{page}/erase/" in client.get(f"{page}/change/").content.decode()
    asked = client.post(f"{page}/erase/").content.decode()
    assert "Erase the content of this event?" in asked
    assert not Event.objects.exclude(erased_at=None).exists()
    client.post(f"{page}/erase/", {"confirmed": "yes", "reason": "asked for"})
    assert Event.objects.get(pk=acme.delivery.event_id).erased_at is not None
    assert AuditEntry.objects.get(action="event.erase").reason == "asked for"
    assert "The content of this event was erased." in client.get(f"{page}/change/").content.decode()
    delivery = f"/{site}/deliveries/delivery/{acme.delivery.public_id}"
    assert "The content of the event was erased." in client.get(f"{delivery}/change/").content.decode()
    assert client.get(f"{delivery}/body/").status_code == 404


def test_who_may_not_erase_is_not_offered_it(bob: Client, acme: House) -> None:
    developer = with_role(acme, "developer")
    for client, site in ((bob, "admin"), (developer, "portal")):
        page = page_of(acme, site)
        assert f"{page}/erase/" not in client.get(f"{page}/change/").content.decode()
        assert client.post(f"{page}/erase/", {"confirmed": "yes"}).status_code == 403
    assert not Event.objects.exclude(erased_at=None).exists()
