"""Views of lists that somebody keeps: theirs alone, of one list, replaced by name, and refused in words."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import LogIn
from deliveries.services.people.saved_views import VIEWS_LIMIT
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db
LIST = "/admin/deliveries/delivery/"
KEEP = "/admin/views/delivery/"


def kept(client: Client, address: str = LIST) -> list[tuple[str, str, bool]]:
    """Name, query and whether it is shown, of each view that a list offers."""
    return [(view.name, view.query, is_shown) for view, is_shown in client.get(address).context["views"]]


def test_a_view_is_kept_by_name_and_opened_again(bob: Client, alice: Client, acme: House) -> None:
    assert "Keep this view" not in bob.get(LIST).content.decode()
    text = bob.get(LIST, {"state": ["exhausted", "held"]}).content.decode()
    assert 'name="query" value="state=exhausted&amp;state=held"' in text
    answer = bob.post(KEEP, {"name": "  Dead\u00a0 letters ", "query": "state=exhausted&state=held"}, follow=True)
    assert answer.redirect_chain[-1][0] == f"{LIST}?state=exhausted&state=held"
    assert kept(bob) == [("Dead letters", "state=exhausted&state=held", False)]
    assert kept(bob, f"{LIST}?state=exhausted&state=held") == [("Dead letters", "state=exhausted&state=held", True)]
    bob.post(KEEP, {"name": "Dead letters", "query": "state=exhausted"})
    assert kept(bob) == [("Dead letters", "state=exhausted", False)]
    assert kept(alice) == []
    assert kept(bob, "/admin/deliveries/endpoint/") == []
    bob.post(KEEP, {"act": "forget", "name": "Dead letters"})
    assert kept(bob) == []


@pytest.mark.parametrize(
    ("name", "query"), [("", "state=held"), ("x" * 61, "state=held"), ("x", ""), ("x", f"type={'y' * 2000}")]
)
def test_what_is_no_view_is_refused_in_words(name: str, query: str, bob: Client, acme: House) -> None:
    answer = bob.post(KEEP, {"name": name, "query": query}, follow=True)
    assert "The view was not kept" in answer.content.decode()
    assert not LogIn.objects.exclude(views={}).exists()


def test_there_are_only_so_many_views_and_only_of_lists(bob: Client, acme: House) -> None:
    for number in range(VIEWS_LIMIT):
        bob.post(KEEP, {"name": f"{number:02}", "query": "state=held"})
    refused = bob.post(KEEP, {"name": "one more", "query": "state=held"}, follow=True)
    assert "remove one first" in refused.content.decode()
    assert len(kept(bob)) == VIEWS_LIMIT
    assert bob.post("/admin/views/nothing/", {"name": "x", "query": "y=z"}).status_code == 404
    assert bob.get(KEEP).status_code == 405
    assert bob.post(KEEP, {"name": "x", "query": "a\r\nX-Evil: 1"}).status_code == 302


def test_in_the_portal_each_customers_views_are_of_that_customer(carol: Client, dave: Client, acme: House) -> None:
    carol.post("/portal/views/delivery/", {"name": "Mine", "query": "state=held"})
    assert [name for name, *_ in kept(carol, "/portal/deliveries/delivery/")] == ["Mine"]
    assert list(LogIn.objects.get(user=acme.member.user).views) == [
        f"hookpost_portal/{acme.customer.public_id}/delivery"
    ]
    assert kept(dave, "/portal/deliveries/delivery/") == []
