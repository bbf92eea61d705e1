"""The page of what a filter would match, in the portal and for staff."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.evaluator.turns import asking_for
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.process import shares
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


@pytest.mark.parametrize("page", ["filter", "change"])
def test_who_has_one_under_way_is_told_so(
    page: str, carol: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one that takes long, then the next one of the same customer is no error of ours, and the page is there."""
    monkeypatch.setattr(shares, "WAIT_SECONDS", 0.0)
    accept_event(EventDraft(type="order.made", data=b"{}", customer_id=acme.customer.id))
    address = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/{page}/"
    with asking_for(acme.customer.id), shares.filter_previews.turn(), shares.counts.turn():
        answer = carol.get(
            address, {"filter": "$.data.amount > 100", "event_types": "order.*"} if page == "filter" else {}
        )
    assert answer.status_code == 200
    if page == "filter":
        assert "Another one like it is under way for this customer" in answer.content.decode()
