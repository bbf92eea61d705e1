"""What the form of an endpoint says while it is filled in, and what nobody may learn by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client

from deliveries.admin.parts.badges import first_large
from deliveries.models import Endpoint, Member
from deliveries.protocol.sending.inbox import INBOX_URLS, InboxAnswer
from deliveries.protocol.who.member_roles import MemberRole
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.endpoint import url_check
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.receiver import Receiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECK = "/portal/deliveries/endpoint/check-url/"
EXAMPLE = "/portal/deliveries/endpoint/example/"


def words_about(client: Client, url: str) -> tuple[bool | None, str]:
    """What is said about a URL."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM hookpost_api_rate")
    answer = client.post(CHECK, {"url": url})
    assert answer.status_code == 200
    said = json.loads(answer.content)
    return said["is_good"], said["words"]


@pytest.mark.django_db
def test_a_url_is_looked_at_as_a_delivery_would_and_nothing_is_sent(
    carol: Client, acme: House, receiver: Receiver, receiver_ports: list[int]
) -> None:
    assert words_about(carol, receiver.url) == (
        True,
        "The name is found and the server takes connections. What is sent can be read on its way: use https.",
    )
    assert receiver.requests == []
    for url, words in (
        (f"http://127.0.0.1:{receiver_ports[-1]}/", "Nobody listens on that port."),
        (receiver.url.replace("http:", "https:"), "The TLS connection fails"),
        ("https://10.0.0.7/in", "not an address of the public internet"),
        ("https://inner.corp/in", "a name of an inner network"),
        ("https://nowhere.example.invalid/", "inner network"),
        ("ftp://example.com/", "only https and http".capitalize()),
        ("https://example.com:22/", "is not open to endpoints"),
        ("", "A URL looks like https://"),
        ("https://a b.example/\0", "no spaces"),
    ):
        is_good, said = words_about(carol, url)
        assert is_good is False, url
        assert words in said, url
    assert words_about(carol, INBOX_URLS[InboxAnswer.OK])[0] is True
    assert Endpoint.objects.count() == 1


@pytest.mark.django_db
def test_a_member_and_a_customer_have_few_turns_and_so_has_the_process(
    carol: Client, acme: House, dave: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(url_check, "_check", lambda url: looked.append(url) or url_check.NOTHING_LEAVES)
    for place in range(50):
        carol.post(CHECK, {"url": f"https://198.51.100.7:{8000 + place}/"})
    assert url_check.CHECKS_A_MINUTE <= len(looked) < 50
    assert "when you save" in carol.post(CHECK, {"url": "https://198.51.100.7/"}).content.decode()
    assert b"true" in dave.post(CHECK, {"url": "https://198.51.100.7/"}).content  # another customer has its own
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM hookpost_api_rate")
        cursor.execute(
            "INSERT INTO hookpost_api_rate (key_id, tokens, taken, refilled_at) VALUES (%s, 0, false, 'infinity')",
            [acme.customer.pk],
        )
    assert "when you save" in carol.post(CHECK, {"url": "https://198.51.100.7/"}).content.decode()
    held = [url_check._SLOTS.acquire(blocking=False) for _ in range(url_check.AT_ONCE)]
    try:
        assert "when you save" in dave.post(CHECK, {"url": "https://198.51.100.7/"}).content.decode()
    finally:
        for _ in filter(None, held):
            url_check._SLOTS.release()


@pytest.mark.django_db
def test_only_who_may_register_has_it_looked_at(carol: Client, acme: House) -> None:
    assert carol.get(CHECK).status_code == 405
    assert Client().post(CHECK, {"url": "https://example.com/"}).status_code == 302
    assert Client(enforce_csrf_checks=True).post(CHECK, {"url": "https://example.com/"}).status_code == 403
    Member.objects.filter(pk=acme.member.pk).update(role=MemberRole.VIEWER)
    assert carol.post(CHECK, {"url": "https://example.com/"}).status_code == 403


@pytest.mark.django_db
def test_an_example_is_of_a_type_that_the_customer_may_be_sent(carol: Client, acme: House, globex: House) -> None:
    create_event_type({"name": "invoice.paid", "example": {"number": "R-1"}}, actor="system")
    shown = carol.get(EXAMPLE, {"name": "invoice.paid"})
    assert shown.headers["Content-Type"].startswith("text/plain")
    assert json.loads(shown.content)["data"] == {"number": "R-1"}
    assert carol.get(EXAMPLE, {"name": "acme.own"}).content == b"There is no example of it."
    for name in ("globex.own", "no.such", "", "\0"):
        assert carol.get(EXAMPLE, {"name": name}).status_code == 404


@pytest.mark.django_db
def test_what_the_portal_puts_at_the_url_field_stays_in_the_portal(alice: Client, carol: Client, acme: House) -> None:
    """Given both sites in one process, whose forms are made of one class, then neither is written upon by the other."""
    page = f"deliveries/endpoint/{acme.endpoint.public_id}/change/"
    new = carol.get("/portal/deliveries/endpoint/add/").content.decode()
    assert "Use an inbox here" in new
    assert "data-hp-ask" in new
    assert "Use an inbox here" not in carol.get(f"/portal/{page}").content.decode()
    text = alice.get(f"/admin/{page}").content.decode()
    assert "Use an inbox here" not in text
    assert "data-hp-ask" not in text


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_the_form_says_by_itself_whether_a_url_is_reached_and_finds_event_types(
    page: Page, acme: House, receiver: Receiver
) -> None:
    for noun in ("invoice", "order", "refund", "stock", "user", "visit"):
        create_event_type({"name": f"{noun}.made", "example": {noun: 1}, "description": f"A {noun}."}, actor="system")
    log_in(page, acme.member.user, site="portal")
    page.goto("/portal/deliveries/endpoint/add/")
    assert not page.is_visible("#id_filter")  # folded: few need it
    page.fill("#id_url", "https://10.0.0.7/in")
    page.wait_for_selector(".hp-said[data-hp-good=false]:has-text('public internet')")
    page.fill("#id_url", receiver.url)
    page.wait_for_selector(".hp-said[data-hp-good=true]")
    page.fill("[aria-label='Search event types']", "refund")
    page.wait_for_selector("text=invoice.made", state="hidden")
    page.click("[aria-label='Example of refund.made']")
    page.wait_for_selector(".hp-example:has-text('\"refund\": 1')")
    page.check("text=refund.made >> nth=0")
    page.evaluate("document.querySelector('#id_schedule').value = 'x'")
    page.click("button:has-text('Save')")
    page.wait_for_selector("#id_schedule:visible")  # what is wrong is not folded away
    page.fill("#id_schedule", "")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=It is shown only now")
    assert Endpoint.objects.exclude(pk=acme.endpoint.pk).get().event_types == ["refund.made"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no-such-host.example cannot be resolved", "no-such-host.example cannot be resolved"),
        ("like_regex is not allowed", "like_regex is not allowed"),
        ("invoice.* is no type", "invoice.* is no type"),
        ("l'hôte est inconnu", "L'hôte est inconnu"),
        ("e-mail, and more", "E-mail, and more"),
        ("übergroß", "Übergroß"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_and_a_name_stays_as_it_is(text: str, shown: str) -> None:
    assert first_large(text) == shown
