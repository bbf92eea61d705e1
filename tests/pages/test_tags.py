"""Tags on the pages: the endpoint's form, the event's page, and the filter of lists."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import Endpoint, Event, Job
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db


def test_a_member_sets_and_clears_the_tags_of_an_endpoint(
    carol: Client, acme: House, receiver_ports: list[int]
) -> None:
    page = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"
    form = {"url": acme.endpoint.url, "signing": "standard", "payload_mode": "full", "max_in_flight": "10"}
    form |= {"timeout_seconds": "15"}
    carol.post(page, {**form, "chosen_tags": "eu, project:7"})
    assert Endpoint.objects.get(pk=acme.endpoint.pk).tags == ["eu", "project:7"]
    assert 'value="eu, project:7"' in carol.get(page).content.decode()
    refused = carol.post(page, {**form, "chosen_tags": "ä"}).content.decode()
    assert "tag has 1 to 64 of the characters" in refused
    carol.post(page, {**form, "chosen_tags": ""})
    assert Endpoint.objects.get(pk=acme.endpoint.pk).tags is None


@pytest.mark.parametrize(("who", "site"), [("bob", "admin"), ("carol", "portal")])
def test_lists_are_narrowed_by_a_tag_and_the_event_shows_its_own(
    who: str, site: str, request: pytest.FixtureRequest, acme: House, globex: House
) -> None:
    client: Client = request.getfixturevalue(who)
    Event.objects.filter(pk=acme.event.pk).update(tags=["eu"])
    for noun, name in (("event", acme.event.public_id), ("delivery", acme.delivery.public_id)):
        listed = f"/{site}/deliveries/{noun}/?tag="
        assert name in client.get(f"{listed}eu,us").content.decode()
        assert name not in client.get(f"{listed}us").content.decode()
        assert "A tag has 1 to 64" in client.get(f"{listed}%C3%A4").content.decode()
    page = client.get(f"/{site}/deliveries/event/{acme.event.public_id}/change/").content.decode()
    assert "<dt>Tags</dt>" in page


@pytest.mark.parametrize(("who", "site"), [("bob", "admin"), ("carol", "portal")])
def test_endpoints_failures_and_bulk_work_are_narrowed_by_a_tag(
    who: str, site: str, request: pytest.FixtureRequest, acme: House
) -> None:
    client: Client = request.getfixturevalue(who)
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(tags=["eu"])
    for noun in ("endpoint", "failuregroup"):
        for tag, number in (("eu,us", 1), ("us", 0)):
            listed = client.get(f"/{site}/deliveries/{noun}/?tag={tag}").context["listing"].lines
            assert len(listed) == number, (noun, tag)
    page = f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}"
    assert 'name="tag"' in client.get(f"{page}/change/").content.decode()
    Event.objects.filter(pk=acme.event.pk).update(tags=["eu"])
    for tag, says in (("us", "There is nothing to send"), ("eu", "Send 1 delivery to"), ("", "Send 1 delivery to")):
        asked = client.post(f"{page}/recover/", {"since": "2020-01-01T00:00", "tag": tag}).content.decode()
        assert says in asked, tag
        assert ("Tagged eu." in asked) is (tag == "eu")
    client.post(f"{page}/recover/", {"since": "2020-01-01T00:00", "tag": "eu", "confirmed": "yes"})
    assert Job.objects.filter(kind="recover").latest("id").filters["tags"] == ["eu"]
    refused = client.post(f"{page}/replay/", {"since": "2020-01-01T00:00", "tag": "ä"}, follow=True)
    assert "A tag has 1 to 64" in refused.content.decode()
