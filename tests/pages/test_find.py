"""One search over a site: what is named exactly is opened, and another customer's things are not there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from deliveries.models import Lane
from deliveries.services.endpoints import create_endpoint, pause_endpoint
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

NOTHING = "Nothing is called so, and nothing has this id."


def led_to(client: Client, site: str, words: str) -> str:
    """Where a search leads; empty when it shows what it found."""
    answer = client.get(f"/{site}/find/", {"q": words})
    assert answer.status_code in (200, 302), words
    return answer.headers.get("Location", "")


@pytest.mark.django_db
def test_any_id_leads_straight_to_its_page(bob: Client, carol: Client, acme: House, globex: House) -> None:
    for row in (acme.customer, acme.member, acme.endpoint, acme.event, acme.delivery, acme.key, acme.job):
        page = f"/admin/deliveries/{row._meta.model_name}/{row.public_id}/change/"
        assert led_to(bob, "admin", row.public_id) == page
        assert led_to(bob, "admin", str(row.pk)) == page
    for row in (acme.endpoint, acme.event, acme.delivery, acme.key, acme.job):
        assert (
            led_to(carol, "portal", row.public_id)
            == f"/portal/deliveries/{row._meta.model_name}/{row.public_id}/change/"
        )
    for client, site in ((bob, "admin"), (carol, "portal")):
        assert (
            led_to(client, site, acme.attempt.public_id)
            == f"/{site}/deliveries/delivery/{acme.delivery.public_id}/change/"
        )


@pytest.mark.django_db
def test_uids_and_whole_urls_are_exact_and_parts_are_listed(bob: Client, acme: House, globex: House) -> None:
    assert led_to(bob, "admin", "acme") == f"/admin/deliveries/customer/{acme.customer.public_id}/change/"
    assert led_to(bob, "admin", acme.endpoint.url).endswith(f"/endpoint/{acme.endpoint.public_id}/change/")
    text = bob.get("/admin/find/", {"q": "127.0.0.1"}).content.decode()
    assert acme.endpoint.public_id in text
    assert globex.endpoint.public_id in text
    assert "acme.own" in bob.get("/admin/find/", {"q": "me.own"}).content.decode()


@pytest.mark.django_db
def test_an_endpoint_that_gets_nothing_is_found_with_since_when_and_why(
    bob: Client, carol: Client, acme: House
) -> None:
    words = {"q": "127.0.0.1", "live": ""}
    why = "Nothing has arrived since"
    assert why not in bob.get("/admin/find/", words).content.decode()
    Lane.objects.filter(endpoint=acme.endpoint).update(failing_since=timezone.now() - timedelta(hours=3), failures=9)
    for client, site in ((bob, "admin"), (carol, "portal")):
        text = client.get(f"/{site}/find/", words).content.decode()
        assert "failing" in text
        assert why in text
    pause_endpoint(acme.endpoint, actor="system")
    assert "paused" in carol.get("/portal/find/", words).content.decode()


@pytest.mark.django_db
def test_two_things_of_one_name_are_both_shown(
    bob: Client, acme: House, globex: House, receiver_ports: list[int]
) -> None:
    for house in (acme, globex):
        fields = {"url": f"http://127.0.0.1:{receiver_ports[0]}/same", "uid": "same"}
        create_endpoint(house.customer, fields, actor="system")
    text = bob.get("/admin/find/", {"q": "same"}).content.decode()
    assert text.count("/same</b>") == 2


@pytest.mark.django_db
def test_what_is_anothers_is_not_found(carol: Client, acme: House, globex: House) -> None:
    for row in globex.rows():
        for words in (row.public_id, str(row.pk)):
            assert NOTHING in carol.get("/portal/find/", {"q": words}).content.decode(), words
            assert NOTHING in carol.get("/portal/find/", {"q": words, "live": "1"}).content.decode(), words
    for words in ("Globex", "globex", globex.endpoint.url, "globex.own", globex.key.hint):
        text = carol.get("/portal/find/", {"q": words}).content.decode()
        assert NOTHING in text, words
        assert globex.endpoint.public_id not in text
    assert "Globex" not in carol.get("/portal/find/", {"q": "127.0.0.1"}).content.decode()


@pytest.mark.django_db
def test_who_may_not_see_a_noun_does_not_find_it(bob: Client, acme: House) -> None:
    group = Group.objects.get(name="Hookpost support")
    group.permissions.remove(group.permissions.get(codename="view_customer"))
    assert NOTHING in bob.get("/admin/find/", {"q": acme.customer.public_id}).content.decode()
    assert led_to(bob, "admin", "acme") == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", ["", "\x00", "_", "dlv_", "att_x", "x" * 5000, "%", "<script>alert(1)</script>", "' or 1"]
)
def test_any_words_are_answered(words: str, carol: Client, acme: House) -> None:
    for query in ({"q": words}, {"q": words, "live": "1"}):
        answer = carol.get("/portal/find/", query)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_the_search_is_reached_by_the_keyboard_alone(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.keyboard.press("/")
    page.keyboard.type("127.0.0.1")
    page.wait_for_selector("dialog .hp-hits a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/endpoint/{acme.endpoint.public_id}/change/")
    page.keyboard.press("Control+k")
    page.keyboard.type(acme.event.public_id)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/event/{acme.event.public_id}/change/")
    assert acme.event.public_id in page.url
